#!/usr/bin/env bash
# Proves the core: CBMC looks at every input that the proofs in tests/proof leave open, and finds none that breaks what
# they claim. See tests/proof/README.md for what is claimed.
#
#   scripts/prove.sh                the proofs, on pools of 1 to 3 ranges
#   scripts/prove.sh --ranges 5     on pools of up to 5 (each one more takes a few times as long)
#   scripts/prove.sh --reach        shows instead that what the proofs speak of does occur
#   scripts/prove.sh --faults       plants faults in a copy and expects the proofs to find each
#   scripts/prove.sh NAME...        only those whose name contains one of the words; may be added to each of the others
#   scripts/prove.sh --no-install   takes the machine as it is; may be added, too
#
# CBMC is taken from the system, or on Debian 12 unpacked into build/cbmc (BDA_CBMC names another folder).

mode=proofs
most_ranges=3
install_packages=yes
wanted=()
while [ $# != 0 ]; do
    case $1 in
    --reach) mode=reach ;;
    --faults) mode=faults ;;
    --no-install) install_packages=no ;;
    --ranges)
        most_ranges=$2
        shift
        ;;
    -*)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
        [ "$1" = --help ] && exit 0
        exit 2
        ;;
    *) wanted+=("$1") ;;
    esac
    shift
done

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

harnesses=$root/tests/proof
work=$root/build/proof-$$ # two runs at a time do not meet
seconds=${BDA_PROVE_SECONDS:-3600} # of one proof

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
    smaller "$tlsf" BDA_TLSF_NEAR_CLASSES 1 && smaller "$tlsf" BDA_TLSF_NEAR_TRIES 2 &&
        smaller "$tlsf" BDA_TLSF_EXACT_TRIES 2 && smaller "$2/core/store.c" FIRST_DIRECTORY_LENGTH 1 &&
        smaller "$2/core/node.c" TAKE_AT_ONCE 3 && smaller "$2/core/tlsf.c" AHEAD_NODE 3 &&
        smaller "$2/core/tlsf.c" AHEAD_NEIGHBOURS 2 && smaller "$2/core/tlsf.c" AHEAD_LISTS 1
}

# The places where unsigned arithmetic is meant to wrap are taken out of the search for what is not meant to.
wraps=('return (0 - address) & wanted->mask;' 'return (index - 1) >> 31;'
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

# How often a loop runs at most: by default two more than there are nodes, and what is known of those that run over
# tables or try a few. An unwinding assertion fails where it is more.
loops() { # CONSTANTS
    local lists=25 classes=7 words=2
    [ "$1" = two_words ] && lists=97 classes=25 words=3
    echo "proof_class_of.0:$classes,proof_lowest_bit64.0:$((lists < 65 ? lists : 65)),claim_heads.0:$lists,claim_heads.1:$lists,any_tables.0:$lists,ensure_small.1:$lists,ensure_nothing_changed.0:$lists,ensure_nothing_changed.1:$lists,lists_before.0:$lists,a_region_that_is_removed_leaves_nothing.0:$lists,check_lists.0:$lists,find_some.0:3,find_some.1:3,find_some.2:$words,find_near.0:3,find_list.0:$words,find_low.0:$words,find_low.1:5"
}

compile() { # FILE FUNCTION CONSTANTS RANGES SPARE REPLACE...
    local file=$1 function=$2 folder=$work/$3 ranges=$4 spare=$5 pair options=()
    shift 5
    local defines=()
    [ "$mode" = reach ] && defines+=(-DPROOF_REACH)
    [ "$spare" = - ] || defines+=("-DPROOF_RANGES=$ranges" "-DPROOF_NODES=$((ranges + spare + 1))")
    local sources=("$harnesses/$file")
    [ "$file" = prove_store.c ] && sources+=("$folder/core/store.c" "$folder/core/host.c")
    goto-cc "${defines[@]}" -I "$folder" -I "$harnesses" --function "$function" "${sources[@]}" -o "$work/whole" || return
    if [ "$spare" != - ]; then
        for pair in "${replaced[@]}" "$@"; do
            # what a harness does not take in it need not replace
            grep -q "\b${pair#*:}(" "$harnesses/$file" "$harnesses/nodes.h" "$harnesses/pool.h" || return
            [ "$file" = prove_nodes.c ] && ! grep -q "\b${pair#*:}(" "$harnesses/$file" "$harnesses/nodes.h" && continue
            options+=(--replace-calls "$pair")
        done
        goto-instrument "${options[@]}" "$work/whole" "$work/formula" || return
    else
        mv "$work/whole" "$work/formula"
    fi
}

check() { # CONSTANTS NODES FILE
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
    timeout "$seconds" cbmc "$work/formula" --unwind "$unwind" --unwindset "$(loops "$1")" --object-bits 11 --slice-formula \
        "${checks[@]}" "${solver[@]}" </dev/null
}

proof() { # FUNCTION FILE CONSTANTS RANGES SPARE REPLACE...
    local function=$1 file=$2 constants=$3 ranges=$4 spare=$5 nodes=0
    local log=$logs/prove-$function-$ranges.log
    shift 5
    [ "$spare" = - ] || nodes=$((ranges + spare + 1))
    compile "$file" "$function" "$constants" "$ranges" "$spare" "$@" >"$log" 2>&1 && check "$constants" "$nodes" "$file" >>"$log" 2>&1
}

# ---- All of them ----------------------------------------------------------------------------------------------------

passed=0
failures=()

is_wanted() { # NAME
    local word
    [ ${#wanted[@]} = 0 ] && return 0
    for word in "${wanted[@]}"; do
        [[ $1 == *"$word"* ]] && return 0
    done
    return 1
}

# On pools of how many ranges: none, if it takes in no pool; a fresh pool and one that goes are single ranges.
ranges_for() { # FUNCTION FILE SPARE
    case $1-$2-$3 in
    *--) echo - ;;
    *-prove_nodes.c-*) echo 3 ;;
    a_fresh_pool* | a_region_that*) echo 1 ;;
    *) seq 1 "$most_ranges" ;;
    esac
}

# "reached: ..." fails where CBMC found an example, and that is what it is there for.
reached_all() { # LOG
    grep -q 'reached: .*FAILURE' "$1" && ! grep -q 'reached: .*SUCCESS' "$1"
}

report() { # NAME RANGES SECONDS PASSED?
    local text=$1
    [ "$2" = - ] || text="$1, $2 ranges"
    if [ "$4" = yes ]; then
        passed=$((passed + 1))
        note "$text: passed, $3 s"
    else
        failures+=("$text")
        note "$text: FAILED, $3 s (build/logs/prove-$1-$2.log)"
    fi
}

run_proofs() {
    local function file constants spare more ranges started
    while read -r function file constants spare more; do
        case $function in '#'* | '') continue ;; esac
        is_wanted "$function" || continue
        for ranges in $(ranges_for "$function" "$file" "$spare"); do
            started=$SECONDS
            # shellcheck disable=SC2086 # the replacements are words
            if proof "$function" "$file" "$constants" "$ranges" "$spare" $more; then
                report "$function" "$ranges" $((SECONDS - started)) yes
            else
                report "$function" "$ranges" $((SECONDS - started)) no
            fi
        done
    done <"$harnesses/proofs.txt"
}

# Only with the most ranges: fewer may not be enough for what is to be reached.
run_reach() {
    local function file constants spare more started log
    while read -r function file constants spare more; do
        case $function in '#'* | '') continue ;; esac
        is_wanted "$function" || continue
        sed -n "/^void $function(/,/^}/p" "$harnesses/$file" | grep -q 'REACHES\|ensure_refusal' || continue
        started=$SECONDS
        local ranges
        ranges=$(ranges_for "$function" "$file" "$spare" | tail -n 1)
        log=$logs/prove-$function-$ranges.log
        # shellcheck disable=SC2086
        proof "$function" "$file" "$constants" "$ranges" "$spare" $more
        if reached_all "$log"; then
            report "$function" "$ranges" $((SECONDS - started)) yes
        else
            report "$function" "$ranges" $((SECONDS - started)) no
        fi
    done <"$harnesses/proofs.txt"
}

run_faults() {
    local name target function command line file constants spare more ranges log started
    while read -r name target function command; do
        case $name in '#'* | '') continue ;; esac
        is_wanted "$name" || continue
        line=$(grep "^$function " "$harnesses/proofs.txt")
        read -r _ file constants spare more <<<"$line"
        started=$SECONDS
        copy_source "$constants" || stop "$constants: the source could not be copied"
        cp "$work/$constants/core/$target" "$work/right"
        sed -i "$command" "$work/$constants/core/$target"
        if cmp -s "$work/right" "$work/$constants/core/$target"; then
            failures+=("$name: its text is not in $target")
            note "$name: DOES NOT APPLY"
            continue
        fi
        ranges=$(ranges_for "$function" "$file" "$spare" | tail -n 1)
        log=$logs/prove-$function-$ranges.log
        # shellcheck disable=SC2086
        proof "$function" "$file" "$constants" "$ranges" "$spare" $more
        if grep -q 'VERIFICATION FAILED' "$log"; then
            passed=$((passed + 1))
            note "$name: found by $function, $((SECONDS - started)) s"
        else
            failures+=("$name: not found by $function")
            note "$name: NOT FOUND by $function, $((SECONDS - started)) s"
        fi
    done <"$harnesses/faults.txt"
}

step "CBMC"
use_cbmc || stop "CBMC is not there"
note "$(cbmc --version), CaDiCaL $(cadical --version)"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
for constants in as_they_are small two_words; do
    copy_source "$constants" || stop "$constants: a constant is not where it was"
done

step "$mode"
"run_$mode"

printf '\n'
[ ${#failures[@]} = 0 ] || printf 'FAILED: %s\n' "${failures[@]}"
printf '%d passed, %d failed, in %d seconds\n' "$passed" "${#failures[@]}" "$SECONDS"
[ ${#failures[@]} = 0 ] && [ "$passed" != 0 ]
