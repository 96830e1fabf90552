#!/bin/sh
# Installs programs that the tests drive, each named as its command and its Debian package, where
# they are missing and this user may: as root, or with sudo that asks for no password.
set -eu

PATH=$PATH:/usr/sbin # where servers are

has() { command -v "$1" >/dev/null; }

missing=
for name in "$@"; do
	case $name in
	chromium) has chromium || has chromium-browser || has google-chrome || missing="$missing $name" ;;
	*) has "$name" || missing="$missing $name" ;;
	esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	as_root="sudo -n"
fi
if ! has apt-get || ! ${as_root:-true} true 2>/dev/null; then
	echo "missing for the tests:$missing. Install them (Debian: sudo apt-get install$missing) and start again" >&2
	exit 1
fi

echo "installing for the tests:$missing" >&2
# The tests start servers of their own; the packaged ones are not ours to start or to leave enabled.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap '$as_root rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
	$as_root chmod 755 "$policy"
fi
$as_root apt-get update -qq >/dev/null
# shellcheck disable=SC2086 # a list of names
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
if [ -d /run/systemd/system ]; then
	for name in $missing; do
		case $name in
		nginx | prometheus | prometheus-alertmanager) $as_root systemctl disable --now --quiet "$name" ;;
		esac
	done
fi
