#!/usr/bin/env bash
# How much of the library its tests run: the share of the lines of src/, per file and in all. Below 95 % is a failure.
#
#   scripts/coverage.sh                the unit and model tests, on the fake driver
#   scripts/coverage.sh --suite        the public suite and the examples too, on lavapipe
#   scripts/coverage.sh --no-install   takes the machine as it is; may be added to the other
#
# The report lands in build/logs/coverage.txt; the lines that nothing runs are listed in it and shown here.

least=95
labels='^(unit|model)$'
suite=no
install_packages=yes
for argument in "$@"; do
    case $argument in
    --suite)
        suite=yes
        labels='^(unit|model|suite|example)$'
        ;;
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

build_dir=build/coverage
report=$logs/coverage.txt

step "packages"
packages=("${packages_build[@]}" "${packages_test[@]}" "${packages_coverage[@]}")
[ "$suite" = yes ] && packages+=("${packages_driver[@]}")
need "${packages[@]}"
command -v gcovr >/dev/null || stop "gcovr is not there"

step "a build that counts"
# Some tests are of many threads: without atomic counters the counts of lines come out wrong, even negative.
examples=OFF
[ "$suite" = yes ] && examples=ON
configure coverage -DBDA_TEST_GPU=OFF -DBDA_BUILD_BENCH=OFF -DBDA_BUILD_EXAMPLES=$examples \
    -DCMAKE_C_FLAGS=-fprofile-update=atomic -DCMAKE_CXX_FLAGS=-fprofile-update=atomic || stop "CMake did not accept it"
build coverage || stop "it does not build"

step "tests"
find "$build_dir" -name '*.gcda' -delete # what earlier runs counted
failed=no
quietly ctest-coverage ctest --preset coverage -L "$labels" -j "$(nproc)" || failed=yes
sed -n '/tests passed/p' "$logs/ctest-coverage.log" | sed 's/^/    /'

step "lines of src/ that were run"
# Of the three builds of the library each test counts in its own; gcovr adds them up by source line.
quietly gcovr gcovr --root . --filter 'src/' --txt "$report" "$build_dir" || stop "gcovr did not read the counts"
sed -n '/^File/,$p' "$report" | sed 's/^/    /'
total=$(sed -n 's/^TOTAL.* \([0-9]*\)%.*/\1/p' "$report")
[ -n "$total" ] || stop "gcovr named no total"

printf '\n'
[ "$failed" = no ] || stop "tests failed, so the share says little"
[ "$total" -ge "$least" ] || stop "$total % of the lines are run, $least % are asked"
printf 'SUCCESS: %s %% of the lines of src/ are run by the tests (at least %s %% are asked)\n' "$total" "$least"
