#!/usr/bin/env bash
# What checked pointers cost: the kernels of two examples, as they are and with each pointer looked up, timed by the
# device's own clock.
#
#   scripts/check_cost.sh [BUILD [REPEATS]]      BUILD: a folder with the examples built, build/release by default
#
# Prints the median milliseconds of a dispatch for each, and the ratio. BDA_DEVICE chooses the device.

set -euo pipefail
build=${1:-build/release}
repeats=${2:-21}

median() { BDA_REPEAT=$repeats "$build/bin/$1" | sed -n 's/^timed *\([0-9.]*\) ms.*/\1/p'; }

BDA_REPEAT=1 "$build/bin/03_gpu_built_list" | grep '^device'
for example in 02_pointer_trie 03_gpu_built_list; do
    plain=$(median "$example")
    checked=$(median "${example}_checked")
    awk -v name="$example" -v plain="$plain" -v checked="$checked" \
        'BEGIN { printf "%-20s plain %9.3f ms   checked %9.3f ms   ratio %.1f\n", name, plain, checked, checked / plain }'
done
