#!/usr/bin/env python3
"""Replays traces whose figures are known beforehand, the smallest committed one, and what must be refused.

    test_replay.py BDA_BENCH
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SMALL = ["--rounds", "3"]
MIB = 1 << 20


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check(holds, what):
    if not holds:
        sys.exit(f"does not hold: {what}")


def replay(bench, trace, *more):
    """The figures as a dictionary by allocator and column."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "results.json")
        done = run(bench, "replay", *SMALL, *more, "--json", path, trace)
        check(done.returncode == 0, f"exit code 0: {done.stdout}{done.stderr}")
        check("broke a rule" not in done.stdout, f"no rule of Vulkan is broken: {done.stdout}")
        with open(path, encoding="utf-8") as file:
            results = json.load(file)["results"]
    for r in results:
        check(r["minimum"] <= r["median"] <= r["maximum"], f"a spread: {r}")
        check(r["column"] != "ns per event" or r["contender"] == "none" or r["median"] > 0, f"takes time: {r}")
    return {(r["contender"], r["column"]): r["median"] for r in results}


def written(folder, lines):
    path = os.path.join(folder, "some.trace")
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(["bdaalloc-trace 1", "u 1 storage|transfer_dst", *lines]) + "\n")
    return path


def check_full_pool(bench, folder):
    """Sixteen equal ranges, each a power of two, fit into a pool of just their sum; with a hole, one is reused."""
    lines = [f"a {i} {MIB} 256 device 1" for i in range(16)]
    lines += ["f 3", f"a 16 {MIB} 256 device 1"]
    figures = replay(bench, written(folder, lines))
    for who in ("core", "public"):
        check(figures[who, "smallest pool, MiB"] == 16, f"{who} wastes nothing: {figures}")
        check(figures[who, "waste, %"] == 0, f"{who} wastes nothing: {figures}")


def check_fragmented_pool(bench, folder):
    """Every second of 64 ranges goes, then comes one as large as all that went: no allocator finds it room in the
    holes, so the smallest pool is what was and the large one, but for the last range."""
    lines = [f"a {i} 65536 256 device 1" for i in range(64)]
    lines += [f"f {i}" for i in range(0, 64, 2)]
    lines += [f"a 64 {32 * 65536} 256 device 1"]
    figures = replay(bench, written(folder, lines), "--only", "core,public")
    for who in ("core", "public"):
        pool = figures[who, "smallest pool, MiB"]
        check(6 - 1 / 16 <= pool <= 6 + 1 / 16, f"{who} needs about 6 MiB, not {pool}")
        check(abs(figures[who, "waste, %"] - (pool / 4 - 1) * 100) < 0.1, f"waste is against 4 MiB: {figures}")


def check_memory(bench, folder):
    """Two intents live in two kinds of memory, and so in two blocks at least."""
    lines = [f"a {i} 1000 64 {intent} 1" for i, intent in enumerate(["device", "upload"] * 10)]
    figures = replay(bench, written(folder, lines), "--only", "bda_alloc,bda_alloc_buffer,vmaCreateBuffer")
    for who in {who for who, _ in figures}:
        check(figures[who, "vkAllocateMemory"] == 2, f"{who} makes two blocks: {figures}")
        check(0 < figures[who, "peak, MiB"] < 1024, f"{who} takes memory: {figures}")


def check_committed(bench):
    figures = replay(bench, os.path.join(HERE, "..", "traces", "warzone2100.trace"))
    whos = {who for who, _ in figures}
    check({"core", "public", "public-locked", "bda_alloc", "bda_alloc_buffer"} <= whos, f"ours are among {whos}")
    for (who, column), value in figures.items():
        check(column != "waste, %" or 0 <= value < 1000, f"no pool is smaller than what it holds: {who} {value}")


def check_refusals(bench, folder):
    missing = run(bench, "replay", os.path.join(folder, "missing.trace"))
    check(missing.returncode == 1 and "No such file" in missing.stderr, f"a missing file: {missing}")
    bad = run(bench, "replay", written(folder, ["a 1 0 1 device 1"]))
    check(bad.returncode == 1 and "line 3: '0' is no size" in bad.stderr, f"a bad line: {bad}")
    huge = run(bench, "replay", written(folder, [f"a {i} {MIB << 19} 1 device 1" for i in range(3)]))
    check(huge.returncode == 1 and "at a time are more" in huge.stderr, f"more than there can be: {huge}")
    good = written(folder, ["a 1 1 1 device 1"])
    for arguments in ([], ["--rounds", "0", good], ["--only", "nobody", good], ["--nonsense", good],
                      ["--json", "/nonexistent/x.json", "--rounds", "1", good]):
        done = run(bench, "replay", *arguments)
        check(done.returncode == 1, f"exit code 1 for {arguments}: {done}")


def main():
    bench = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        check_full_pool(bench, folder)
        check_fragmented_pool(bench, folder)
        check_memory(bench, folder)
        check_refusals(bench, folder)
    check_committed(bench)


if __name__ == "__main__":
    main()
