#!/usr/bin/env bash
# Do the tests notice a broken library? Plants the faults of scripts/mutations.txt into a copy of the tree, one after
# the other, and expects the tests of units, models and schedules to fail each time.
#
#   scripts/mutate.sh                all of them
#   scripts/mutate.sh NAME...        those whose name contains one of the words
#   scripts/mutate.sh --no-install   takes the machine as it is; may be added
#   BDA_MUTATE_JOBS=N                so many faults at a time, each in a copy of its own; 1 if not set
#
# One line per fault: caught by which test, or SURVIVED. A program that hangs has noticed it, too. The exit code is 0 only
# when none survives and all still apply. Copies and their builds lie in build/mutate; the tree itself is not touched.

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
jobs=${BDA_MUTATE_JOBS:-1}
cores=$(($(nproc) / jobs > 0 ? $(nproc) / jobs : 1)) # of each
slow='^(model\.|schedule\.(interrupt|storm)|unit\.(sweep|memory_types))' # these run only when the others have noticed nothing
slow_seconds=150 # of one test program: the slowest take a tenth of it; more is a hang
quick_seconds=30

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
        - | '- '*) olds[i]+=${olds[i]:+$'\n'}${line:2} ;; # "-" and "+" alone: an empty line
        + | '+ '*) news[i]+=${news[i]:+$'\n'}${line:2} ;;
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

# ---- The copies -----------------------------------------------------------------------------------------------------

choose_copy() { # JOB
    mine=build/mutate/$1
    copy=$mine/tree
    build_dir=$mine/build
}

# Only what differs is copied, with a new time, so that the build of an earlier run is taken up, whatever it broke.
refresh_copy() {
    local file
    mkdir -p "$copy" "$mine/originals"
    while IFS= read -r file; do
        cmp -s "$file" "$copy/$file" && continue
        mkdir -p "$copy/$(dirname "$file")" && cp "$file" "$copy/$file" || return
    done < <(find CMakeLists.txt include src tests scripts/cmake scripts/view -type f)
    (cd "$copy" && find . -type f) | while IFS= read -r file; do
        [ -e "$file" ] || rm "$copy/$file"
    done
    # Nothing but what is run here, ctest's own bound of time, and a library that programs need not be linked with anew.
    sed -i 's/ TIMEOUT 600//; /^add_subdirectory(fuzz)$/,$d' "$copy/tests/CMakeLists.txt"
    sed -i 's/bdaalloc_testing STATIC/bdaalloc_testing SHARED/
            s/OUTPUT_NAME bdaalloc_testing/& C_VISIBILITY_PRESET default/' "$copy/src/CMakeLists.txt"
}

programs=()
list_programs() {
    local source name
    for source in tests/unit/test_*.c tests/model/*.c tests/schedule/test_*.c; do
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
        -DBDA_BUILD_EXAMPLES=OFF -DBDA_BUILD_BENCH=OFF -DBDA_INSTALL=OFF -DCMAKE_LINK_DEPENDS_NO_SHARED=ON
}

build_copy() {
    cmake --build "$build_dir" --parallel "$cores" --target "${programs[@]}"
}

prepare() { # JOB
    choose_copy "$1"
    refresh_copy || stop "the tree could not be copied"
    quietly "mutate-configure-$1" configure_copy || stop "CMake did not accept the copy"
    quietly "mutate-build-$1" build_copy || stop "the copy does not build"
}

# A fault may make a program ask for memory without end.
run_tests() { # SECONDS [ctest option...]
    (
        ulimit -v 16777216 -c 0
        ctest --test-dir "$build_dir" -L '^(unit|model|schedule)$' --no-tests=error --stop-on-failure -j "$cores" --timeout "$@"
    )
}

run_all() {
    run_tests "$quick_seconds" -E "$slow" && run_tests "$slow_seconds" -R "$slow"
}

# ---- One fault ------------------------------------------------------------------------------------------------------

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
    cp "$mine/originals/${files[$1]##*/}" "$copy/${files[$1]}"
}

failed_tests() { # LOG
    sed -n -E 's/^[[:space:]]+[0-9]+ - ([A-Za-z_.0-9]+) \(([^)]*)\).*$/\1 \2/p' "$1" | sed 's/ Failed$//; s/ Timeout$/ (it hung)/; s/ SEGFAULT$/ (it crashed)/; s/ \(Child\|Subprocess\) aborted$/ (aborted)/' |
        sort -u | head -n 3 | paste -sd ',' | sed 's/,/, /g'
}

tell() { # NUMBER WORD TEXT
    printf '%s %s\n' "$2" "${names[$1]}" >>"$mine/results"
    note "${names[$1]}: $3"
}

try() { # NUMBER
    local log=$logs/mutate-${names[$1]}.log
    cp "$copy/${files[$1]}" "$mine/originals/" 2>/dev/null
    if ! plant "$1"; then
        tell "$1" error "DOES NOT APPLY: its text is not in ${files[$1]} exactly once"
        return
    fi
    if ! build_copy >"$log" 2>&1; then
        tell "$1" error "DOES NOT COMPILE"
    elif run_all >"$log" 2>&1 </dev/null; then
        tell "$1" survived "SURVIVED (${files[$1]}: ${whys[$1]})"
    else
        tell "$1" caught "caught by $(failed_tests "$log")"
    fi
    restore "$1"
}

# ---- All of them ----------------------------------------------------------------------------------------------------

chosen=()
choose() {
    local i
    for i in "${!names[@]}"; do
        is_wanted "${names[i]}" && chosen+=("$i")
    done
}

work() { # JOB: every so-many-th
    local k
    choose_copy "$1"
    : >"$mine/results"
    for ((k = $1 - 1; k < ${#chosen[@]}; k += jobs)); do
        try "${chosen[k]}"
    done
}

each_job() { # COMMAND, which gets the job's number
    local job failed=no
    local children=()
    for ((job = 1; job <= jobs; job++)); do
        "$1" "$job" &
        children+=($!)
    done
    for job in "${children[@]}"; do
        wait "$job" || failed=yes
    done
    [ $failed = no ]
}

with() { # WORD
    local job
    for ((job = 1; job <= jobs; job++)); do
        sed -n "s/^$1 //p" "build/mutate/$job/results"
    done
}

step "packages"
need "${packages_build[@]}" "${packages_test[@]}"

step "a copy of the tree, and its tests as they are"
read_list
choose
list_programs
each_job prepare || exit 1
choose_copy 1
quietly mutate-tests run_all || stop "tests fail before anything is broken"

step "${#chosen[@]} faults"
started=$SECONDS
each_job work

mapfile -t survivors < <(with survived)
mapfile -t errors < <(with error)
mapfile -t caught < <(with caught)
printf '\n'
if [ ${#survivors[@]} != 0 ]; then
    printf 'SURVIVED: %s\n' "${survivors[@]}"
fi
if [ ${#errors[@]} != 0 ]; then
    printf 'ERROR: %s\n' "${errors[@]}"
fi
printf '%d caught, %d survived, %d in error, in %d seconds\n' ${#caught[@]} ${#survivors[@]} ${#errors[@]} $((SECONDS - started))
[ ${#survivors[@]} = 0 ] && [ ${#errors[@]} = 0 ] && [ ${#caught[@]} != 0 ]
