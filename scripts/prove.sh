#!/usr/bin/env bash
# Proves the core: CBMC looks at every input that the proofs in tests/proof leave open, and finds none that breaks what
# they claim. See tests/proof/README.md for what is claimed.
#
#   scripts/prove.sh                all proofs, on pools of up to 9 ranges: five operations from an empty pool, whichever
#   scripts/prove.sh --quick        smaller pools, a few minutes: what scripts/test.sh runs
#   scripts/prove.sh --tools        only sees to it that CBMC is there; 77 where it cannot be had
#   scripts/prove.sh --reach        shows instead that what the proofs speak of does occur
#   scripts/prove.sh --faults       plants faults in a copy and expects the proofs to find each
#   scripts/prove.sh NAME...        only those whose name contains one of the words; may be added to each of the others
#   scripts/prove.sh --no-install   takes the machine as it is; may be added, too
#
# CBMC is taken from the system, or on Debian 12 unpacked into build/cbmc (BDA_CBMC names another folder).

mode=proofs
quick=no
install_packages=yes
wanted=()
for argument in "$@"; do
    case $argument in
    --quick) quick=yes ;;
    --reach) mode=reach ;;
    --tools) mode=tools ;;
    --faults) mode=faults ;;
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

harnesses=$root/tests/proof
work=$root/build/proof-$$ # two runs at a time do not meet
seconds=${BDA_PROVE_SECONDS:-3600} # of one proof
jobs=${BDA_PROVE_JOBS:-$(nproc)}   # at a time; each takes up to 1 GiB

# ---- The tools ------------------------------------------------------------------------------------------------------

# Debian 12 has no CBMC and Debian 13's needs a newer C library. Unpacked beside each other, with the loader called by name,
# they run anywhere. CaDiCaL answers several times faster than the solver that is built in.
unpacked=${BDA_CBMC:-$root/build/cbmc}

use_cbmc() {
    command -v cbmc goto-cc goto-instrument cadical >/dev/null && return 0
    if [ ! -x "$unpacked/bin/cbmc" ]; then
        if ! command -v apt-get >/dev/null || ! grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release; then
            note "no CBMC here, and it is only known how to be had on Debian 12"
            return 1
        fi
        [ "$install_packages" = yes ] || return 1
        quietly cbmc unpack_cbmc "$unpacked" || return 1
    fi
    PATH=$unpacked/bin:$PATH
}

unpack_cbmc() {
    local into=$1 work=$1.part deb tool
    rm -rf "$work" && mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/deb" "$work/bin" || return
    backports_sources | sed 's/^Suites:.*/Suites: trixie/' >"$work/apt/trixie.sources"
    [ -s "$work/apt/trixie.sources" ] || return
    local apt=(apt-get -q
        -o Dir::Etc::sourcelist="$work/apt/trixie.sources" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="$(id -un)")
    "${apt[@]}" -o APT::Update::Error-Mode=any update || return
    (cd "$work/deb" && "${apt[@]}" -t trixie download cbmc cadical minisat libc6 libstdc++6 libgcc-s1) || return
    for deb in "$work"/deb/*.deb; do
        dpkg -x "$deb" "$work" || return
    done
    for tool in cbmc goto-cc goto-instrument cadical; do
        cat >"$work/bin/$tool" <<'END' && chmod +x "$work/bin/$tool" || return
#!/bin/sh
here=$(dirname "$(dirname "$(readlink -f "$0")")")
libraries=$(echo "$here"/usr/lib/*-linux-gnu)
exec "$libraries"/ld-linux-*.so.* --library-path "$libraries:$here/usr/lib" "$here/usr/bin/$(basename "$0")" "$@"
END
    done
    rm -rf "$work/apt" "$work/deb" "$into" && mv "$work" "$into"
}

# ---- The source with small constants --------------------------------------------------------------------------------

smaller() { # FILE NAME VALUE
    grep -qE "\b$2 =" "$1" || return
    sed -z -i -E "s/\b$2 =[^,}]*/$2 = $3/" "$1"
}

# A formula must be small. What is proved for few classes is the same code as for many. Sizes that fill two words need
# more classes, which only the search can afford.
constants() { # NAME FOLDER
    local tlsf=$2/core/tlsf.h
    [ "$1" = as_they_are ] && return
    case $1 in
    small) smaller "$tlsf" BDA_TLSF_CLASSES_LOG2 0 && smaller "$tlsf" BDA_TLSF_LEVELS 6 ;;
    two_words) smaller "$tlsf" BDA_TLSF_CLASSES_LOG2 2 && smaller "$tlsf" BDA_TLSF_LEVELS 6 ;;
    esac || return
    smaller "$tlsf" BDA_TLSF_SLIVER_LOG2 1 && smaller "$tlsf" BDA_TLSF_NEAR_TRIES 2 &&
        smaller "$tlsf" BDA_TLSF_EXACT_TRIES 2 && smaller "$tlsf" BDA_TLSF_SMALL 4 && smaller "$2/core/store.c" FIRST_DIRECTORY_LENGTH 1 &&
        smaller "$2/core/node.c" TAKE_AT_ONCE 3 && smaller "$2/core/tlsf.c" AHEAD_NODE 3 &&
        smaller "$2/core/tlsf.c" AHEAD_NEIGHBOURS 2 && smaller "$2/core/tlsf.c" AHEAD_LISTS 1
}

# The places where unsigned arithmetic is meant to wrap are taken out of the search for what is not meant to.
wraps=('return (0 - address) & wanted->mask;' 'return (index - 1) >> 31;'
    'uint64_t preferred = lists & (ZONE_BITS | (0 - (uint64_t)(size > BDA_TLSF_SMALL)));'
    'return bda_node_in(chunks, index | (itself & (0 - is_none(index))));' 'return found & ~((0 - too_small) & own);')

allow_wrap() { # FILE
    local line
    for line in "${wraps[@]}"; do
        grep -qF "$line" "$1" || return
        line=$(sed 's/[][*.\/]/\\&/g' <<<"$line")
        sed -i "s/^ *$line\$/#pragma CPROVER check push\n#pragma CPROVER check disable \"unsigned-overflow\"\n&\n#pragma CPROVER check pop/" "$1"
    done
}

copy_source() { # CONSTANTS
    local folder=$work/$1
    rm -rf "$folder" && mkdir -p "$folder" && cp -r src/core "$folder/" || return
    constants "$1" "$folder" && allow_wrap "$folder/core/tlsf.c"
}

# ---- One proof ------------------------------------------------------------------------------------------------------

replaced=(bda_node_in:proof_node_in bda_nodes_chunks:proof_nodes_chunks bda_store_has:proof_store_has
    bda_store_at:proof_store_at bda_lowest_bit64:proof_lowest_bit64 bda_tlsf_class_of:proof_class_of
    list_for:proof_list_for bda_node_behind:proof_node_behind)
replaced_lists=(link:proof_link unlink:proof_unlink unlink_first:proof_unlink_first relink:proof_relink)
replaced_cuts=(take_any:proof_take_any take_whole_apart:proof_take_whole_apart
    take_front_apart:proof_take_front_apart)

# How often a loop runs at most: by default two more than there are nodes, and what is known of those that run over
# tables or try a few. An unwinding assertion fails where it is more.
loops() { # CONSTANTS
    local lists=25 classes=7 words=2
    [ "$1" = two_words ] && lists=97 classes=25 words=3
    echo "proof_class_of.0:$classes,proof_lowest_bit64.0:65,claim_heads.0:$lists,claim_heads.1:$lists,any_tables.0:$lists,ensure_small.1:$lists,ensure_nothing_changed.1:$lists,a_region_that_is_removed_leaves_nothing.0:$lists,check_lists.0:$lists,find_some.0:3,find_some.1:3,find_some.2:$words,find_near.0:3,find_near_of_size.0:3,find_low.0:$words,find_low.1:5,find_in_two_zones.0:$words,free_many_frees_each_in_order.0:7,bda_tlsf_free_many.0:7,bda_tlsf_free_many.1:7"
}

compile() { # FILE FUNCTION CONSTANTS CASE REPLACE...
    local file=$1 function=$2 folder=$work/$3 case=$4 counts pair group options=()
    shift 4
    local defines=()
    [ "$mode" = reach ] && defines+=(-DPROOF_REACH)
    if [ "$case" != - ]; then
        read -ra counts <<<"$(numbers "$case")"
        defines+=("-DPROOF_RANGES=${counts[0]}" "-DPROOF_NODES=${counts[1]}" "-DPROOF_TARGET=${counts[2]}")
    fi
    local pairs=("${replaced[@]}") sources=("$harnesses/$file")
    [ "$file" = prove_nodes.c ] && pairs=("${replaced[@]:0:3}") # it takes nothing of TLSF in
    for group in "$@"; do
        case $group in
        lists) pairs+=("${replaced_lists[@]}") && defines+=(-DPROOF_MEMBERS) ;;
        cuts) pairs+=("${replaced_cuts[@]}") ;;
        *) pairs+=("$group") ;;
        esac
    done
    [ "$file" = prove_store.c ] && sources+=("$folder/core/store.c" "$folder/core/host.c")
    local into=$work/$function-$case
    goto-cc "${defines[@]}" -I "$folder" -I "$harnesses" --function "$function" "${sources[@]}" -o "$into.whole" || return
    if [ "$case" = - ]; then
        mv "$into.whole" "$into"
        return
    fi
    for pair in "${pairs[@]}"; do
        options+=(--replace-calls "$pair")
    done
    goto-instrument "${options[@]}" "$into.whole" "$into"
    local status=$?
    rm -f "$into.whole"
    return "$status"
}

# The numbers of ranges, of nodes (with the one of index 0) and of the range that the operation is about. Cases are
# written as ranges+spare nodes@target, or as a number of nodes.
numbers() { # CASE
    local ranges=${1%%+*} rest=${1#*+}
    if [ "$ranges" = "$1" ]; then
        echo "1 $(($1 + 1)) 1"
    else
        echo "$ranges $((ranges + ${rest%@*} + 1)) ${rest#*@}"
    fi
}

check() { # CONSTANTS NODES FILE FORMULA
    local checks=(--bounds-check --pointer-check --div-by-zero-check --signed-overflow-check --undefined-shift-check
        --conversion-check)
    local unwind=$(($2 + 2)) solver=()
    [ "$2" = 0 ] && unwind=10       # the loops of bits, classes and stores
    [ "$unwind" -ge 6 ] || unwind=6 # those over zones
    case $3 in # these wrap on purpose: addresses, bits, and loops that count down past 0
    prove_bits.c | prove_store.c | prove_nodes.c) ;;
    *) checks+=(--unsigned-overflow-check) ;;
    esac
    if [ "$mode" = reach ]; then
        checks=(--no-standard-checks --drop-unused-functions)
    else
        solver=(--external-sat-solver cadical --stop-on-fail)
        checks+=(--unwinding-assertions)
    fi
    timeout "$seconds" cbmc "$4" --unwind "$unwind" --unwindset "$(loops "$1")" --object-bits 11 --slice-formula \
        "${checks[@]}" "${solver[@]}" </dev/null
}

log_of() { # FUNCTION CASE
    echo "$logs/prove-$1-$2.log"
}

proof() { # FUNCTION FILE CONSTANTS CASE REPLACE...
    local function=$1 file=$2 constants=$3 case=$4 nodes=0 log
    log=$(log_of "$function" "$case")
    shift 4
    [ "$case" = - ] || nodes=$(numbers "$case" | cut -d ' ' -f 2)
    compile "$file" "$function" "$constants" "$case" "$@" >"$log" 2>&1 &&
        check "$constants" "$nodes" "$file" "$work/$function-$case" >>"$log" 2>&1
    local status=$?
    rm -f "$work/$function-$case"
    return "$status"
}

# ---- All of them ----------------------------------------------------------------------------------------------------

is_wanted() { # NAME
    local word
    [ ${#wanted[@]} = 0 ] && return 0
    for word in "${wanted[@]}"; do
        [[ $1 == *"$word"* ]] && return 0
    done
    return 1
}

# Each proof that is wanted: its function, file, constants, cases, replacements.
each_proof() {
    local function file constants all few more
    while read -r function file constants all few more; do
        case $function in '#'* | '') continue ;; esac
        [ "$quick" = yes ] && all=$few
        [ "$all" = no ] || echo "$function $file $constants $all $more"
    done <"$harnesses/proofs.txt"
}

# "9+2@each" is a case for each target from 1 to 9.
cases_of() { # CASES
    case $1 in
    *@each) seq 1 "${1%%+*}" | sed "s/^/${1%each}/" ;;
    *) echo "$1" ;;
    esac
}

report() { # NAME SECONDS VERDICT
    case $3 in
    passed | found*) echo "$1" >>"$work/passed" ;;
    *) echo "$1: $3" >>"$work/failed" ;;
    esac
    note "$1: $3, $2 s"
}

# Up to $jobs commands at a time.
beside() { # COMMAND...
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
        wait -n
    done
    "$@" &
}

run_proof() { # FUNCTION FILE CONSTANTS CASE REPLACE...
    local started=$SECONDS
    if proof "$@"; then
        report "$1 $4" $((SECONDS - started)) passed
    else
        report "$1 $4" $((SECONDS - started)) "FAILED ($(log_of "$1" "$4"))"
    fi
}

run_proofs() {
    local function file constants cases more case
    while read -r function file constants cases more; do
        is_wanted "$function" || continue
        for case in $(cases_of "$cases"); do
            # shellcheck disable=SC2086 # the replacements are words
            beside run_proof "$function" "$file" "$constants" "$case" $more
        done
    done < <(each_proof)
}

# "reached: ..." fails where CBMC found an example, and that is what it is there for; an example in one case is enough.
run_reach_of() { # FUNCTION FILE CONSTANTS CASE REPLACE...
    local started=$SECONDS log
    log=$(log_of "$1" "$4")
    proof "$@"
    if grep -q 'reached: .*FAILURE' "$log" && ! grep -q 'reached: .*SUCCESS' "$log"; then
        report "$1 $4" $((SECONDS - started)) passed
    else
        report "$1 $4" $((SECONDS - started)) "NOT REACHED ($log)"
    fi
}

# Of each proof one case, of the quick ones (range 2, which has neighbours): an example in a small pool is one in a large one.
run_reach() {
    local function file constants cases more
    while read -r function file constants cases more; do
        is_wanted "$function" || continue
        sed -n "/^void $function(/,/^}/p" "$harnesses/$file" | grep -q 'REACHES\|ensure_refusal\|take_any_after' || continue
        # shellcheck disable=SC2086
        beside run_reach_of "$function" "$file" "$constants" "${cases/each/2}" $more
    done < <(quick=yes each_proof)
}

run_faults() {
    local name target wanted_by command line function file constants cases more
    while read -r name target wanted_by command; do
        case $name in '#'* | '') continue ;; esac
        is_wanted "$name" || continue
        line=$(quick=yes each_proof | grep "^${wanted_by%/*} ")
        read -r function file constants cases more <<<"$line"
        # shellcheck disable=SC2086
        beside plant "$name" "$target" "$command" "$function" "$file" "$constants" "${cases/each/${wanted_by#*/}}" $more
    done <"$harnesses/faults.txt"
}

# The fault in a copy of its own, which the proof is then about.
plant() { # NAME TARGET COMMAND FUNCTION FILE CONSTANTS CASE REPLACE...
    local name=$1 target=$2 command=$3 function=$4 file=$5 constants=$6 case=$7 started=$SECONDS log
    shift 7
    local whole=$work
    local work=$whole/$name logs=$whole/$name
    mkdir -p "$work"
    copy_source "$constants" || return
    cp "$work/$constants/core/$target" "$work/right"
    sed -i "$command" "$work/$constants/core/$target"
    log=$(log_of "$function" "$case")
    if cmp -s "$work/right" "$work/$constants/core/$target"; then
        work=$whole report "$name" 0 "its text is not in $target"
        return
    fi
    proof "$function" "$file" "$constants" "$case" "$@"
    if grep -q 'VERIFICATION FAILED' "$log"; then
        work=$whole report "$name" $((SECONDS - started)) "found by $function"
    else
        cp "$log" "$root/build/logs/fault-$name.log"
        work=$whole report "$name" $((SECONDS - started)) "NOT FOUND by $function (build/logs/fault-$name.log)"
    fi
}

step "CBMC"
use_cbmc || {
    note "CBMC is not there"
    exit 77
}
note "$(cbmc --version), CaDiCaL $(cadical --version)"
[ "$mode" = tools ] && exit 0
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
for constants in as_they_are small two_words; do
    copy_source "$constants" || stop "$constants: a constant is not where it was"
done

touch "$work/passed" "$work/failed"
step "$mode"
"run_$mode"
wait

printf '\n'
sed 's/^/FAILED: /' "$work/failed"
passed=$(wc -l <"$work/passed")
failed=$(wc -l <"$work/failed")
printf '%d passed, %d failed, in %d seconds\n' "$passed" "$failed" "$SECONDS"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
