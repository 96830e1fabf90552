#!/bin/sh
# Makes web/static, the browser's files that the binary embeds, from web/assets and the packages
# named in package-lock.json. Does nothing when nothing changed since the last time.
set -eu
cd "$(dirname "$0")/.."

fail() {
	echo "assets: $*" >&2
	exit 1
}

inputs=$(cat package-lock.json scripts/assets.sh web/assets/* | cksum)
for made in app.js app.css icon.svg inter.woff2; do
	[ -f "web/static/$made" ] || inputs="$inputs without $made"
done
if [ "$(cat web/static/.inputs 2>/dev/null || true)" = "$inputs" ]; then
	exit 0
fi

# npm writes node_modules/.package-lock.json last, so an install that was cut short is done again.
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
	command -v npm >/dev/null || fail "npm is needed for the browser's packages: install Node.js 20 or later"
	npm ci --omit=optional --ignore-scripts --loglevel=error >&2 ||
		fail "npm could not install what package-lock.json names; see its message above"
	touch node_modules/.package-lock.json
fi

mkdir -p web/static
go tool esbuild web/assets/app.ts web/assets/app.css --bundle --minify --format=esm --target=es2022 \
	--external:inter.woff2 --outdir=web/static --log-level=warning ||
	fail "esbuild could not bundle web/assets; see its message above"
cp web/assets/icon.svg web/static/icon.svg
cp node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2 web/static/inter.woff2

echo "$(cat package-lock.json scripts/assets.sh web/assets/* | cksum)" >web/static/.inputs
