#!/bin/sh
# Puts ClickHouse's engine (libchdb.so, about 560 MB) into the user's cache folder, once per
# version, so that every clone on the machine shares it. Prints the library's path, alone, on
# standard output; progress goes to standard error. The version is the one in package.json, and npm
# checks what it downloads against the integrity in package-lock.json.
set -eu

fail() {
	echo "engine: $*" >&2
	exit 1
}

root=$(cd "$(dirname "$0")/.." && pwd)

case "$(uname -s)/$(uname -m)" in
Linux/x86_64) package=@chdb/lib-linux-x64-gnu ;;
*) fail "there is no engine package for $(uname -s)/$(uname -m) in package.json: set clickhouse.dsn to a ClickHouse server instead" ;;
esac

version=$(sed -n "s|.*\"$package\": *\"\([^\"]*\)\".*|\1|p" "$root/package.json")
[ -n "$version" ] || fail "package.json does not name $package under optionalDependencies"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/vigie/engine
library=$cache/$version/libchdb.so
if [ -f "$library" ]; then
	echo "$library"
	exit 0
fi

command -v npm >/dev/null || fail "npm is needed once to download the engine: install Node.js 20 or later, or set clickhouse.dsn to a ClickHouse server"

mkdir -p "$cache"
work=$(mktemp -d "$cache/.download.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

echo "engine: downloading $package $version (about 170 MB, once) ..." >&2
cp "$root/package.json" "$root/package-lock.json" "$work/"
[ ! -f "$root/.npmrc" ] || cp "$root/.npmrc" "$work/"
(cd "$work" && npm ci --include=optional --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
	fail "npm could not download the packages named in package-lock.json; see its message above"

# npm passes over an optional package that it cannot get, so its success proves nothing.
found=$work/node_modules/$package/libchdb.so
[ -f "$found" ] || fail "npm did not deliver $package $version: check that its registry has it with 'npm view $package@$version'"

mkdir -p "$cache/$version"
mv "$found" "$library" # same file system: whoever looks sees all of it or nothing
echo "engine: ready, $(du -h "$library" | cut -f1)" >&2
echo "$library"
