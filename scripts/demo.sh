#!/usr/bin/env bash
# The main job, from a clean clone: installs what is missing, builds, and lets a compute shader look up every word of a
# text in a trie of raw pointers, on the GPU if there is one and on lavapipe if not.
#
#   scripts/demo.sh [TEXT]           TEXT: a file to take the words from, in place of the example's own
#
# Logs and the build land in build/. Ends with DONE, or with FAILED and a reason.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

text=()
if [ $# -gt 0 ]; then
    text=("$(cd "$OLDPWD" && realpath "$1")") # lib.sh went to the repository's root
fi

step "packages"
if nvidia_present; then
    need "${packages_build[@]}"
else
    need "${packages_build[@]}" "${packages_driver[@]}"
fi
gpu_present || note "no GPU seen: the shaders will run on the CPU, by lavapipe"

# A build of its own, so that it asks for no test's packages and leaves no settings behind for scripts/test.sh.
step "configure (release)"
quietly demo-configure cmake --preset release -B build/demo -DBDA_BUILD_TESTS=OFF -DBDA_BUILD_BENCH=OFF \
    -DBDA_WERROR=OFF ||
    stop "CMake did not configure"

step "build the library and the example"
quietly demo-build cmake --build build/demo --target 02_pointer_trie || stop "it does not build"

step "run 02_pointer_trie"
printf '\n'
build/demo/bin/02_pointer_trie "${text[@]}" || stop "02_pointer_trie ended with code $?"

printf '\nDONE: the shader followed the raw pointers, and the CPU agrees with every answer.\n'
