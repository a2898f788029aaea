#!/usr/bin/env bash
# The page of bda_view in headless Chromium, made of dumps by the programs of a build.
#
#   scripts/view/test/run.sh [BUILD]     build/dev, which has bin/bda_bench and the examples; build.sh has run
set -eu
cd "$(dirname "$0")/../../.."
build=${1:-build/dev}
dumps=build/view/test
mkdir -p "$dumps"
programs=("$build/bin/04_engine")
[ ! -x "$build/bin/10_renderer" ] || programs+=("$build/bin/10_renderer") # which libpng has to be there for
driver=()
if [ -f "${BDA_LAVAPIPE25:-build/lavapipe25}/lvp_icd.json" ]; then # a software driver, whatever GPU is here
    library=${BDA_LAVAPIPE25:-$PWD/build/lavapipe25}
    driver=(env "VK_DRIVER_FILES=$library/lvp_icd.json"
        "LD_LIBRARY_PATH=$(dirname "$(ls "$library"/usr/lib/*/libvulkan_lvp.so)")")
fi
"${driver[@]}" python3 scripts/view/test/test_dumps.py "$build/bin/bda_bench" "$dumps" "${programs[@]}"
VIEW_DUMPS=$dumps VIEW_BUILD=build/view node --test scripts/view/test/*.test.mjs
