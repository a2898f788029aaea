#!/usr/bin/env bash
# Builds the page that scripts/view/bda_view fills in: build/view/bda_view.html, one file with everything in it. Wants node
# and npm, once, for whoever builds; who uses bda_view needs neither.
#
#   scripts/view/build.sh          the packages of package-lock.json, then the page
#   scripts/view/build.sh --page   the page alone, where the packages are there already
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$here/../../build/view
mkdir -p "$folder"
if [ "${1:-}" != --page ] || [ ! -d "$folder/node_modules" ]; then
    cp "$here/package.json" "$here/package-lock.json" "$folder"
    npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund
fi
node "$here/build.mjs" "$folder"
echo "build/view/bda_view.html is ready"
