#!/usr/bin/env python3
"""Records one of our own examples with the layer that the environment turns on, and replays what was recorded.

    test_example.py EXAMPLE BDA_BENCH
"""
import json
import os
import subprocess
import sys
import tempfile


def main():
    example, bench = sys.argv[1:]
    trace = os.environ["BDA_RECORD_FILE"]
    if os.path.exists(trace):
        os.remove(trace)
    done = subprocess.run([example], capture_output=True, text=True, check=False)
    print(done.stdout)  # where validation messages would stand
    if done.returncode != 0:
        sys.exit(done.returncode)
    with open(trace, encoding="ascii") as file:
        lines = file.read().splitlines()
    made = sum(line.startswith("a ") for line in lines)
    gone = sum(line.startswith("f ") for line in lines)
    if not made > 30 or made != gone:
        sys.exit(f"does not hold: 32 meshes and more are made, and nothing is left: {made} and {gone}")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "results.json")
        subprocess.run([bench, "replay", "--rounds", "1", "--json", path, trace], check=True)
        with open(path, encoding="utf-8") as file:
            results = json.load(file)["results"]
    if not any(r["contender"] == "bda_alloc_buffer" and r["column"] == "peak, MiB" and r["median"] > 0 for r in results):
        sys.exit(f"does not hold: the trace was replayed: {results}")


if __name__ == "__main__":
    main()
