#!/usr/bin/env bash
# Do the tests notice a broken library? Plants the faults of scripts/mutations.txt into a copy of the tree, one after
# the other, and expects the tests of units, models and schedules to fail each time.
#
#   scripts/mutate.sh                all of them
#   scripts/mutate.sh NAME...        those whose name contains one of the words
#   scripts/mutate.sh --no-install   takes the machine as it is; may be added
#
# One line per fault: caught by which test, or SURVIVED. The exit code is 0 only when none survives and all still apply.
# The copy and its build lie in build/mutate; the tree itself is not touched.

install_packages=yes
wanted=()
for argument in "$@"; do
    case $argument in
    --no-install) install_packages=no ;;
    -*)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
        [ "$argument" = --help ] && exit 0
        exit 2
        ;;
    *) wanted+=("$argument") ;;
    esac
done

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

list=scripts/mutations.txt
copy=build/mutate/tree
build_dir=build/mutate/build
test_seconds=20                         # of one test program, the slowest takes a few; more is a hang
slow='^(model\.|schedule\.(interrupt|storm)|unit\.(sweep|memory_types))' # these run only when the others have noticed nothing

# ---- The list -------------------------------------------------------------------------------------------------------

names=() files=() whys=() olds=() news=()

read_list() {
    local line i=-1
    while IFS= read -r line; do
        case $line in
        '#'* | '') ;;
        '['*'] '*)
            i=$((i + 1))
            names[i]=${line%%]*}
            names[i]=${names[i]#[}
            files[i]=${line#*] }
            whys[i]='' olds[i]='' news[i]=''
            ;;
        '- '*) olds[i]+=${olds[i]:+$'\n'}${line#- } ;;
        '+ '*) news[i]+=${news[i]:+$'\n'}${line#+ } ;;
        *) whys[i]+=${whys[i]:+ }$line ;;
        esac
    done <"$list"
}

is_wanted() { # NAME
    local word
    [ ${#wanted[@]} = 0 ] && return 0
    for word in "${wanted[@]}"; do
        [[ $1 == *"$word"* ]] && return 0
    done
    return 1
}

# ---- The copy -------------------------------------------------------------------------------------------------------

# Only what differs is copied, with a new time, so that the build of an earlier run is taken up, whatever it broke.
refresh_copy() {
    local file
    mkdir -p "$copy"
    while IFS= read -r file; do
        cmp -s "$file" "$copy/$file" && continue
        mkdir -p "$copy/$(dirname "$file")" && cp "$file" "$copy/$file" || return
    done < <(find CMakeLists.txt include src tests scripts/cmake -type f)
    (cd "$copy" && find . -type f) | while IFS= read -r file; do
        [ -e "$file" ] || rm "$copy/$file"
    done
    # A hang is a failure, too, but not one to wait ten minutes for.
    sed -i "s/TIMEOUT 600/TIMEOUT $test_seconds/" "$copy/tests/CMakeLists.txt"
}

programs=()
list_programs() {
    local source name
    for source in "$copy"/tests/unit/test_*.c "$copy"/tests/model/*.c "$copy"/tests/schedule/test_*.c; do
        name=$(basename "$source" .c)
        case $source in
        */unit/*) programs+=("unit_${name#test_}") ;;
        */schedule/*) programs+=("schedule_${name#test_}") ;;
        */model_*.c) programs+=("$name") ;;
        esac
    done
}

configure_copy() {
    cmake -S "$copy" -B "$build_dir" -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS=-O0 -DBDA_WERROR=OFF \
        -DBDA_BUILD_EXAMPLES=OFF -DBDA_BUILD_BENCH=OFF -DBDA_INSTALL=OFF -DBDA_TEST_GPU=OFF
}

build_copy() {
    cmake --build "$build_dir" --target "${programs[@]}"
}

# A fault may make a program ask for memory without end.
run_tests() { # [ctest option...]
    (
        ulimit -v 16777216 -c 0
        ctest --test-dir "$build_dir" -L '^(unit|model|schedule)$' --no-tests=error --stop-on-failure -j "$(nproc)" "$@"
    )
}

# ---- One fault ------------------------------------------------------------------------------------------------------

caught=0
survivors=()
errors=()

# Replaces the old text, which must be there exactly once.
plant() { # NUMBER
    local file=$copy/${files[$1]} old=${olds[$1]} new=${news[$1]} text rest
    [ -f "$file" ] && [ -n "$old" ] || return 1
    text=$(<"$file")
    rest=${text#*"$old"}
    [ "$rest" != "$text" ] && [ "${rest#*"$old"}" = "$rest" ] || return 1
    printf '%s\n' "${text%%"$old"*}$new$rest" >"$file"
}

restore() { # NUMBER
    cp "${originals:?}/${files[$1]##*/}" "$copy/${files[$1]}"
}

failed_tests() { # LOG
    sed -n -E 's/^[[:space:]]+[0-9]+ - ([A-Za-z_.0-9]+) \(([^)]*)\).*$/\1 \2/p' "$1" | sed 's/ Failed$//; s/ Timeout$/ (it hung)/; s/ SEGFAULT$/ (it crashed)/; s/ \(Child\|Subprocess\) aborted$/ (aborted)/' |
        sort -u | head -n 3 | paste -sd ',' | sed 's/,/, /g'
}

try() { # NUMBER
    local name=${names[$1]} log=$logs/mutate-${names[$1]}.log
    mkdir -p "${originals:?}"
    cp "$copy/${files[$1]}" "$originals/" 2>/dev/null
    if ! plant "$1"; then
        errors+=("$name: its text is not in ${files[$1]} exactly once")
        note "$name: DOES NOT APPLY"
        return
    fi
    if ! build_copy >"$log" 2>&1; then
        errors+=("$name: does not compile")
        note "$name: DOES NOT COMPILE"
    elif run_tests -E "$slow" >"$log" 2>&1 </dev/null && run_tests -R "$slow" >"$log" 2>&1 </dev/null; then
        survivors+=("$name")
        note "$name: SURVIVED (${files[$1]}: ${whys[$1]})"
    else
        caught=$((caught + 1))
        note "$name: caught by $(failed_tests "$log")"
    fi
    restore "$1"
}

# ---- All of them ----------------------------------------------------------------------------------------------------

step "packages"
need "${packages_build[@]}" "${packages_test[@]}"

step "a copy of the tree, and its tests as they are"
originals=build/mutate/originals
read_list
refresh_copy || stop "the tree could not be copied"
list_programs
quietly mutate-configure configure_copy || stop "CMake did not accept the copy"
quietly mutate-build build_copy || stop "the copy does not build"
quietly mutate-tests run_tests || stop "tests fail before anything is broken"

step "${#names[@]} faults"
started=$SECONDS
for i in "${!names[@]}"; do
    is_wanted "${names[i]}" && try "$i"
done

printf '\n'
if [ ${#survivors[@]} != 0 ]; then
    printf 'SURVIVED: %s\n' "${survivors[@]}"
fi
if [ ${#errors[@]} != 0 ]; then
    printf 'ERROR: %s\n' "${errors[@]}"
fi
printf '%d caught, %d survived, %d in error, in %d seconds\n' "$caught" "${#survivors[@]}" "${#errors[@]}" $((SECONDS - started))
[ ${#survivors[@]} = 0 ] && [ ${#errors[@]} = 0 ] && [ "$caught" != 0 ]
