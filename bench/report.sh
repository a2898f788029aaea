#!/usr/bin/env bash
# Measures everything at the length of docs/performance.md, draws the plots, prints the tables.
#
#   bench/report.sh [--update] [--quick] [PROGRAM]
#
#   PROGRAM    the bda_bench to run; default: build/release/bin/bda_bench, which CMake's preset `release` makes
#   --update   writes the tables into docs/performance.md and the plots into docs/plots/
#   --quick    a few seconds, figures that mean nothing: shows that everything runs
#
# Results, JSON and tables, stay in build/report. Takes some twenty minutes; leave the machine alone meanwhile.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=$root/build/report
program=$root/build/release/bin/bda_bench
length=(--rounds 11)
update=no
quick=
measurements=(verify steady steady-bytes fixed fifo fill latency holes occupancy instructions cold batch threads stall full driver driver-threads find frame metadata)

for argument in "$@"; do
    case $argument in
    --update) update=yes ;;
    --quick) quick=yes length=(--rounds 2 --pairs 2000 --live "100,1000" --seeds 1) ;;
    -*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" && exit 1 ;;
    *) program=$(realpath "$argument") ;;
    esac
done
if [ ! -x "$program" ]; then
    echo "no $program: cmake --preset release && cmake --build --preset release --target bda_bench" >&2
    exit 1
fi

mkdir -p "$out"
rm -f "$out"/*.json "$out"/*.md
for measurement in "${measurements[@]}"; do
    # --live is left to each measurement, unless --quick set it; the first line names the machine.
    "$program" "$measurement" "${length[@]}" --json "$out/$measurement.json" | tail -n +2 >"$out/$measurement.md"
    cat "$out/$measurement.md"
done

"$program" replay ${quick:+--rounds 2} --json "$out/replay.json" "$root"/bench/traces/*.trace | tail -n +2 >"$out/replay.md"
cat "$out/replay.md"

plots=$out/plots
[ "$update" = yes ] && plots=$root/docs/plots
python=python3
$python -c 'import matplotlib' 2>/dev/null || python=/usr/bin/python3 # the distribution's, which has the package
if $python -c 'import matplotlib' 2>/dev/null; then
    $python "$root/bench/plot.py" "$plots" "$out"/*.json
    printf '\nplots: %s\n' "${plots#"$root"/}"
else
    echo "no plots: python3-matplotlib is not installed" >&2
fi
if [ "$update" = yes ]; then
    python3 "$root/bench/tables.py" "$root/docs/performance.md" "$out"
    echo "docs/performance.md has the new tables"
fi
