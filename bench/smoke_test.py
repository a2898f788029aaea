#!/usr/bin/env python3
"""Runs one measurement of bda_bench at its smallest and looks at what it says.

    smoke_test.py PROGRAM MEASUREMENT [argument...]

The JSON must be JSON, each figure must lie between its extremes, and what has a known range must lie in it. No time is
judged: those are for people, on a quiet machine.
"""
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

PAIRS = 2000
SMALL = ["--live", "200", "--pairs", str(PAIRS), "--rounds", "3"]
OURS = {"core", "public", "public-locked"}
POOLS = {"occupancy", "holes", "verify"}


def run(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def results_of(program, *arguments):
    """The printed text and the parsed results."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "results.json")
        text = run(program, *arguments, "--json", path)
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    check(document["version"] == 1 and document["machine"]["processor"], "version or machine is missing")
    return text, document["results"]


def check(holds, what):
    if not holds:
        sys.exit(f"does not hold: {what}")


def check_each(text, results):
    for r in results:
        values = [r["minimum"], r["median"], r["maximum"]]
        check(all(math.isfinite(v) for v in values), f"finite: {r}")
        check(values == sorted(values), f"minimum, median, maximum in order: {r}")
        check(r["samples"] >= 1, f"samples: {r}")
        check(r["refused"] < PAIRS / 2, f"most requests are granted: {r}")
        check(r["unit"] != "ns" or r["minimum"] >= 0, f"no time below zero: {r}")
        check(r["table"] in text and f"| {r['contender']} " in text, f"printed as a table: {r}")


def contenders(results):
    return {r["contender"] for r in results}


def check_times(results):
    """Whoever allocates takes some time for it."""
    for r in results:
        check(r["contender"] == "none" or r["median"] > 0, f"more than no time: {r}")


def check_occupancy(results):
    check(len({r["table"] for r in results}) == 4, "four mixes")
    for r in results:
        check(1 < r["median"] <= 100, f"between 1 and 100 %: {r}")
    kept = {(r["table"], r["contender"]): r["median"] for r in results if r["column"] == "kept full"}
    for (table, contender), value in kept.items():
        check(value > 40, f"{contender} keeps less than 40 % of {table}")


def check_metadata(results):
    for r in results:
        if "per live" in r["table"]:
            check(8 <= r["median"] < 10000, f"bytes per live allocation: {r}")
        if "empty" in r["table"]:
            check(0 < r["median"] < 1 << 24, f"bytes of an empty allocator: {r}")


def check_instructions(program, results):
    counted = {(r["table"], r["contender"]): r["median"] for r in results if r["column"] == "as counted"}
    check(len(counted) == 8, "four workloads of core and none")
    for (table, contender), value in counted.items():
        loop = counted[(table, "none")]
        check(5 < loop < 200, f"the loop takes a few instructions: {loop}")
        check(contender == "none" or loop < value < 5000, f"{contender}, {table}: {value}")
    _, again = results_of(program, "instructions", *SMALL, "--only", "core,none")
    check(again == results, "a second run counts the same")


def check_threads(results):
    """Two tables for each workload, and the mutex's contenders in them."""
    check(len({r["table"] for r in results}) == 12, "times and ratios of six workloads")
    check({"core-mutex", "public-locked", "none"} <= contenders(results), "who takes threads")
    check("core" not in contenders(results) and "public" not in contenders(results), "who takes none is left out")
    for r in results:
        check(r["column"].split()[0] in ("1", "2", "4"), f"so many threads: {r}")
        check(r["median"] > 0, f"a time, or a ratio of two: {r}")


def check_stall(results):
    """Nothing is judged but that a stall was there to be seen."""
    check({"public-locked", "public-buffer-locked"} <= contenders(results), "ours, safe for threads")
    check(len({r["table"] for r in results}) == 3, "alone, in a stall, and how many calls")
    for r in results:
        check(r["minimum"] > 0 or r["unit"] != "calls", f"some call fell into a stall: {r}")


def check_full(results):
    """The full heap is known: one call for hundreds of pairs at most."""
    check({"public", "public-buffer"} <= contenders(results), "ours")
    for r in results:
        if r["contender"].startswith("public") and r["column"] == "vkAllocateMemory":
            check(r["median"] < 0.1, f"no call to speak of: {r}")


def check_find(results):
    """Everybody finds what is there; the bytes stay in bounds."""
    check({"find", "find-inside", "find-named", "resolve", "mapped", "info", "tree", "sorted", "without history"} ==
          contenders(results), "who looks up")
    check(len({r["table"] for r in results}) == 5, "bytes before and after, and three kinds of times")
    bytes_of = [r["median"] for r in results if r["unit"] == "B"]
    step = 16 * 1024 / results[0]["live"]  # memory for charts comes in such
    check(len(bytes_of) == 3 and bytes_of[0] <= bytes_of[1] < bytes_of[0] + 32 + step, f"bytes a range: {bytes_of}")
    check(bytes_of[2] < bytes_of[1], f"less without a history: {bytes_of}")


def check_cold(results):
    """At so few live allocations everything is in the cache."""
    check(len({r["column"] for r in results}) == 6, "free and alloc, read and written, the pair, the loop")
    for r in results:
        check(0 <= r["median"] < 1, f"hardly a line is missed: {r}")


def check_verify(results):
    """Each contender with a pool was asked for the fill and for every pair of each mix."""
    check(len({r["column"] for r in results}) == 4, "four mixes")
    for r in results:
        check(r["median"] + r["refused"] >= 200 + 2 * 200 + 1000, f"every answer was checked: {r}")


def check_refusals(program):
    """What the command line must not accept."""
    for arguments in (["nonsense"], [], ["steady", "--only", "nobody"], ["steady", "--live", "12x"],
                      ["steady", "--rounds", "0"], ["threads", "--threads", "1000"],
                      ["threads", "--workload", "nothing"], ["steady", "--json", "/nonexistent/x.json", *SMALL]):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        check(done.returncode == 1, f"exit code 1 for {arguments}, not {done.returncode}")
    for mistake in ("overlap", "alignment", "free"):
        done = subprocess.run([program, "verify", "--child", mistake], capture_output=True, text=True, check=False)
        check(done.returncode == 1 and "0x1" in done.stderr, f"the checker sees {mistake}: {done.stderr}")
    check("core" in run(program, "--list") and "steady" in run(program, "--help"), "--list and --help")


def main():
    program, measurement, *more = sys.argv[1:]
    if measurement == "refusals":
        check_refusals(program)
        return
    if measurement in ("instructions", "cold"):
        if shutil.which("valgrind") is None:
            print("skipped: valgrind is not installed")
            sys.exit(77)
    if measurement == "instructions":
        more += ["--only", "core,none"]
    if measurement in ("threads", "driver-threads"):
        more += ["--threads", "1,2,4"]
    if measurement == "occupancy":
        more += ["--seeds", "1"]
    text, results = results_of(program, measurement, *SMALL, *more)
    if not results and "left out" in text:
        print("skipped:", text)
        sys.exit(77)
    check_each(text, results)
    if measurement in ("steady", "fixed", "fifo", "fill", "holes", "batch", "driver"):
        check_times(results)
    if measurement == "driver":
        check({"public", "public-buffer", "driver-share"} <= contenders(results), "ours and the driver's share")
    elif measurement == "instructions":
        check_instructions(program, results)
    elif measurement == "cold":
        check_cold(results)
    elif measurement == "threads":
        check_threads(results)
    elif measurement == "driver-threads":
        check({"public-locked", "public-buffer-locked", "none"} <= contenders(results), "who takes threads")
    elif measurement == "find":
        check_find(results)
    elif measurement == "frame":
        check({"arena", "public", "public-locked", "none"} == contenders(results), "an arena, and ranges beside it")
    elif measurement == "stall":
        check_stall(results)
    elif measurement == "full":
        check_full(results)
    else:
        check(OURS <= contenders(results), f"ours are among {contenders(results)}")
        check(measurement in POOLS | {"metadata"} or "malloc" in contenders(results), "malloc takes part")
    if measurement == "occupancy":
        check_occupancy(results)
    if measurement == "verify":
        check_verify(results)
    if measurement == "metadata":
        check_metadata(results)


if __name__ == "__main__":
    main()
