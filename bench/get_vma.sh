#!/usr/bin/env bash
# Unpacks VMA's header (vk_mem_alloc.h) for bda_bench, without installing anything.
#
#   bench/get_vma.sh [FOLDER]      default: build/vma; the header is then FOLDER/usr/include/vk_mem_alloc.h
#
# Debian packages it since trixie. On an older Debian the package is fetched with a list of sources of its own, which is the
# machine's with the suite replaced; apt's state stays in FOLDER, so the machine's apt is left as it is.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
into=${1:-$root/build/vma}
package=libvulkan-memory-allocator-dev
suite=trixie
mkdir -p "$into"
into=$(cd "$into" && pwd)

# The entries of the main archive, in either of apt's formats; printed in the newer one.
sources() {
    { cat /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } | sed '/^#/d' |
        awk -v name="$VERSION_CODENAME" 'BEGIN { RS = ""; ORS = "\n\n" } $0 ~ "(^|\n)Suites:([^\n]* )?" name "( |\n|$)"' |
        sed "s/^Suites:.*/Suites: $suite/; s/^Components:.*/Components: main/"
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
        sed -n -E "s/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+)[[:space:]]+${VERSION_CODENAME}[[:space:]].*/Types: deb\nURIs: \2\nSuites: $suite\nComponents: main\n/p"
}

# shellcheck source=/dev/null
. /etc/os-release
apt=$into/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
sources >"$apt/own.sources"
if [ ! -s "$apt/own.sources" ]; then
    echo "no source of $VERSION_CODENAME found in /etc/apt: is this a Debian?" >&2
    exit 1
fi
options=(-q -o Dir::Etc::sourcelist="$apt/own.sources" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User="$(id -un)")
apt-get "${options[@]}" -o APT::Update::Error-Mode=any update
(cd "$apt" && apt-get "${options[@]}" download "$package")
dpkg -x "$apt/$package"_*.deb "$into"
rm -rf "$apt"
echo "$into/usr/include/vk_mem_alloc.h"
