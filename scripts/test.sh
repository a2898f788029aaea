#!/usr/bin/env bash
# Installs what the tests need, builds the library in every way that we promise, and runs everything there is to run.
#
#   scripts/test.sh                the whole of it, on lavapipe (two versions of it on Debian 12)
#   scripts/test.sh --quick        the debug build and its tests only
#   scripts/test.sh --gpu          the public suite and the examples on this machine's own GPU, and no lavapipe
#   scripts/test.sh --no-install   takes the machine as it is; may be added to each of the others
#
# Logs and builds land in build/. The last line counts; the exit code is 0 only when nothing failed.

mode=all
install_packages=yes
for argument in "$@"; do
    case $argument in
    --quick) mode=quick ;;
    --gpu) mode=gpu ;;
    --no-install) install_packages=no ;;
    *)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
        [ "$argument" = --help ] && exit 0
        exit 2
        ;;
    esac
done

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

passed=0
failed=0
skipped=0
failures=()

count_check() { # NAME STATUS
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
        note "$1: passed"
    else
        failed=$((failed + 1))
        failures+=("$1")
        note "$1: FAILED"
    fi
}

# A check of its own: counted as one test.
check() { # NAME COMMAND...
    quietly "$@"
    count_check "$1" $?
}

# The same for what needs nothing of the builds: it begins here, runs in the time that others leave, and is told and
# counted where it is finished.
declare -A begun
begin_check() { # NAME COMMAND...
    set -m # a group of processes of its own
    (
        renice -n 19 "$BASHPID" >/dev/null
        quietly "$@"
    ) >"$logs/begun-${1//[^A-Za-z0-9]/-}.log" 2>&1 </dev/null &
    begun[$1]=$!
    set +m
}

finish_check() { # NAME
    local status=0
    wait "${begun[$1]}" || status=$?
    begun[$1]=''
    cat "$logs/begun-${1//[^A-Za-z0-9]/-}.log"
    count_check "$1" "$status"
}

end_begun() {
    local process
    for process in "${begun[@]}"; do
        [ -z "$process" ] || kill -- "-$process" 2>/dev/null
    done
    wait # or they would write where others clean up
}
trap end_begun EXIT

skip() { # NAME WHY
    skipped=$((skipped + 1))
    note "$1: skipped, $2"
}

# The thread sanitizer of gcc 12 does not start where the kernel spreads addresses over more than 28 bits.
fixed_addresses=(env)
if setarch "$(uname -m)" -R true 2>/dev/null; then
    fixed_addresses=(setarch "$(uname -m)" -R)
fi

# Builds a preset and runs its tests. ctest's own closing lines are shown and its tests counted one by one.
build_and_test() { # PRESET [ctest option...]
    local preset=$1 log=$logs/ctest-$1.log bad
    shift
    if ! configure "$preset" "${configure_options[@]}" || ! build "$preset"; then
        failed=$((failed + 1))
        failures+=("$preset: does not build")
        return
    fi
    "${fixed_addresses[@]}" ctest --preset "$preset" -j "$(nproc)" "$@" >"$log" 2>&1 </dev/null
    sed -n '/tests passed/,$p; /^No tests were found/p' "$log" | sed '/^$/d; s/^/    /'
    # "100% tests passed, 0 tests failed out of 25", or from newer ctests "100% tests passed out of 25"
    bad=$(sed -n -E 's/.*tests passed(, ([0-9]+) tests? failed)? out of .*/0\2/p' "$log")
    passed=$((passed + $(grep -cE '^ *[0-9]+/[0-9]+ Test .* Passed ' "$log")))
    skipped=$((skipped + $(grep -cE '^ *[0-9]+/[0-9]+ Test .*\*\*\*Skipped' "$log")))
    if [ -z "$bad" ]; then # no closing line: nothing ran
        failed=$((failed + 1))
        failures+=("$preset: ran no tests")
    elif [ "$bad" -ne 0 ]; then
        failed=$((failed + 10#$bad))
        failures+=("$preset: $((10#$bad)) tests")
        printf -- '---- what the failed tests said (the whole log: %s)\n' "${log#"$root"/}"
        grep -vE '^ +Start |Test +#.* Passed ' "$log" | sed '/tests passed/,$d' | head -n 150
    fi
}

sources() { # FOLDER...
    find "$@" -name '*.[ch]' -o -name '*.cpp' | sort
}

check_format() {
    sources include src tests examples bench | xargs clang-format --dry-run -Werror
}

# The flags are given here and not taken from a build, where each file stands three times, once per library.
# shellcheck disable=SC2016 # the inner shell expands it
check_tidy() {
    sources src | grep '\.c$' | xargs -n 1 -P "$(nproc)" bash -c \
        'clang-tidy --quiet --warnings-as-errors="*" "$0" -- -std=c11 -Iinclude -Isrc 2>&1 | grep -v "warnings generated"
         [ ${PIPESTATUS[0]} = 0 ]'
}

# Compiles with another compiler, where warnings are errors, too; nothing of it is run.
check_preset() { # PRESET TESTS target...
    local preset=$1 tests=$2
    shift 2
    cmake --preset "$preset" -B "build/check-$preset" -DBDA_BUILD_TESTS="$tests" -DBDA_BUILD_EXAMPLES=OFF \
        -DBDA_BUILD_BENCH=OFF && cmake --build "build/check-$preset" -j "$(nproc)" --target "$@"
}

# What need not be done twice. Builds that take nothing from the one they are a test of, so that they are the same in each:
own_build='consume\.add_subdirectory'
# What comes between which two steps of a call, which is mostly waiting: for the debug build and the thread sanitizer.
between='schedule\.interrupt'
# What has two threads for a moment, and is long.
landmarks='unit\.landmarks'
# Most of what bda_bench does without a driver: for the release build, where it is optimised and has VMA beside it. What is
# seen in its dumps, and what the shader compiler makes of the header: for the debug build.
measured='bench\.(steady.*|fixed|fifo|fill|latency|holes|occupancy|instructions|cold|batch|stall|find|frame|metadata)$'
dumps='view\.dumps'
shaders='example\.glsl'

configure_options=(-DBDA_TEST_GPU=OFF)
step "packages"
case $mode in
all) need "${packages_build[@]}" "${packages_driver[@]}" "${packages_test[@]}" "${packages_checks[@]}" "${packages_page[@]}" ;;
quick) need "${packages_build[@]}" "${packages_driver[@]}" "${packages_test[@]}" ;;
gpu)
    gpu_present || stop "no GPU seen on this machine"
    nvidia_present && packages_driver=()
    need "${packages_build[@]}" "${packages_driver[@]}" "${packages_test[@]}"
    ;;
esac

if [ "$mode" = gpu ]; then
    configure_options=(-DBDA_TEST_GPU=ON)
    step "the public suite and the examples on this machine's GPU, with the validation layers where they are"
    build_and_test dev -L gpu
else
    if [ "$mode" = all ]; then
        if ! command -v npm >/dev/null || ! command -v chromium >/dev/null; then
            page="npm or chromium is missing"
        elif [ "$install_packages" != yes ] && [ ! -d build/view/node_modules ]; then
            page="its packages are not here, and --no-install was given"
        else
            page=yes
            begin_check "bda_view's page is built" scripts/view/build.sh
        fi
        begin_check "clang-tidy" check_tidy
    fi
    step "lavapipe 25 beside the system's"
    if use_lavapipe25; then
        note "ready in ${BDA_LAVAPIPE25:-build/lavapipe25}"
    else
        skip "lavapipe 25" "the tests run on the system's lavapipe alone"
    fi
    step "debug build, its tests with the validation layers on"
    if [ "$mode" = all ]; then
        build_and_test dev -E "$measured"
    else
        build_and_test dev
    fi
fi

if [ "$mode" = all ]; then
    step "bda_view's page, in a headless browser"
    if [ "$page" != yes ]; then
        skip "bda_view's page" "$page"
    else
        finish_check "bda_view's page is built"
        check "bda_view's page shows what the dumps say" scripts/view/test/run.sh build/dev
    fi
    step "VMA's header, for the measurements beside it"
    if [ "$install_packages" = yes ] && quietly get-vma bench/get_vma.sh; then
        note "ready in build/vma"
    else
        skip "VMA" "bda_bench is tested without it"
    fi
    step "release build and its tests"
    configure_options=(-DBDA_TEST_GPU=OFF -DBDA_BUILD_EXAMPLES=OFF)
    build_and_test release -E "valgrind|$own_build|$between|$dumps" -LE lavapipe25
    step "address and undefined-behaviour sanitizers"
    configure_options=(-DBDA_TEST_GPU=OFF -DBDA_BUILD_BENCH=OFF)
    build_and_test asan-ubsan -E "$between|$shaders" -LE lavapipe25
    step "thread sanitizer"
    configure_options=(-DBDA_TEST_GPU=OFF -DBDA_BUILD_EXAMPLES=OFF)
    build_and_test tsan -E "$landmarks" -LE lavapipe25
    step "checks that run nothing"
    check "clang: the library without a warning" check_preset clang ON bdaalloc_shared bdaalloc_testing
    check "mingw-w64: the library without a warning" check_preset mingw OFF bdaalloc_shared
    check "mingw-w64 with 32 bits: the library without a warning" check_preset mingw32 OFF bdaalloc_shared
    check "clang-format" check_format
    finish_check "clang-tidy"
    step "proofs of the core, the quick ones"
    proof_options=()
    [ "$install_packages" = yes ] || proof_options=(--no-install)
    if scripts/prove.sh --tools "${proof_options[@]}" >"$logs/cbmc-tools.log" 2>&1; then
        check "CBMC finds no counterexample" scripts/prove.sh --quick "${proof_options[@]}"
    else
        skip "proofs" "there is no CBMC here and it could not be had (build/logs/cbmc-tools.log)"
    fi
fi

printf '\n'
if [ "$failed" = 0 ]; then
    printf 'SUCCESS: all tests passed.\n'
else
    printf 'FAILED: %s\n' "${failures[@]}"
fi
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
