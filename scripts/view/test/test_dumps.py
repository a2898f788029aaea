#!/usr/bin/env python3
"""Dumps of a trace that is played: they keep the schema, tile their blocks and add up; bda_view puts them in words.

    test_dumps.py BDA_BENCH [FOLDER [PROGRAM...]]

Leaves in FOLDER what the page's test wants, the page included where its template is built. PROGRAM is 04_engine or
10_renderer.
Exits with 77 where python3-jsonschema is missing.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
VIEW = os.path.join(HERE, "..", "bda_view")
TRACE = os.path.join(ROOT, "bench", "traces", "warzone2100.trace")

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is missing")
    sys.exit(77)


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


def check(holds, what):
    if not holds:
        sys.exit(f"does not hold: {what}")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def check_schema(dump, path):
    schema = load(os.path.join(ROOT, "docs", "heap-dump.schema.json"))
    validate = getattr(jsonschema, "Draft202012Validator", jsonschema.Draft7Validator)
    errors = [error.message for error in validate(schema).iter_errors(dump)]
    check(not errors, f"{path} keeps the schema: {errors[:3]}")


def check_sums(dump, path):
    """One thread, and nothing happens meanwhile: the ranges add up to what the totals say."""
    sums = {"live": 0, "count": 0, "free": 0, "size": 0}
    for block in dump["blocks"]:
        at = int(block["address"], 16)
        for r in block["ranges"]:
            check(int(r["address"], 16) == at, f"{path}: the ranges of {block['address']} tile it")
            at += r["size"]
            sums["live"] += r.get("asked", 0)
            sums["count"] += r["state"] == "live"
            sums["free"] += r["size"] if r["state"] == "free" else 0
        check(at == int(block["address"], 16) + block["size"], f"{path}: up to its end")
        sums["size"] += block["size"]
    total = dump["total"]
    check(sums["count"] == total["allocations"] and sums["live"] == total["used"], f"{path}: {sums} is {total}")
    check(sums["free"] == total["free"] and len(dump["blocks"]) == total["blocks"], f"{path}: {sums} is {total}")


def check_text(paths):
    dump = load(paths[-1])
    done = run(VIEW, "--text", "--columns", "100", *paths)
    check(done.returncode == 0 and not done.stderr, f"the text is written: {done}")
    lines = done.stdout.splitlines()
    check(all(len(line) <= 100 for line in lines if "|" in line), "maps keep to their columns")
    check(sum(line.startswith("heap: ") for line in lines) == len(paths), "each dump is told")
    check(all(block["address"] in done.stdout for block in dump["blocks"]), "each block is told")
    check(any("waste" in line for line in lines), "and what is wasted")
    prefix = max(named_bytes(dump).items(), key=lambda entry: entry[1])[0]
    check(any(line.startswith(f"  by name: {prefix} ") for line in lines), f"and who has the most, {prefix}")


def named_bytes(dump):
    sums = {}
    for r in (r for block in dump["blocks"] for r in block["ranges"] if r["state"] == "live"):
        prefix = (r["name"] or "without a name").split("/")[0]
        sums[prefix] = sums.get(prefix, 0) + r["size"]
    return sums


def check_refusals(folder):
    bad = os.path.join(folder, "bad")
    for text, word in (("{}", "not a heap dump"), ("nonsense", "neither a heap dump nor a trace"),
                       ('{"schema":"bdaalloc-heap","version":99}', "version 99"),
                       ('{"schema":"bdaalloc-heap","version":1,"label":null}', "not a whole dump"),
                       ("bdaalloc-trace 1\nf 17\n", "line 1 is no event")):
        with open(bad, "w", encoding="utf-8") as file:
            file.write(text)
        done = run(VIEW, "--text", bad)
        check(done.returncode == 1 and word in done.stderr and "Traceback" not in done.stderr, f"{word}: {done}")
    os.remove(bad)
    check(run(VIEW, "--text", bad).returncode == 1, "a missing file")


def write_hostile(folder, dump):
    """Names and labels that would be markup, or end the script that holds them."""
    evil = "<img src=x onerror='window.hacked=1'></script><script>window.hacked=1</script>"
    dump["label"] = evil
    named = [r for block in dump["blocks"] for r in block["ranges"] if r["state"] == "live"]
    for r in named[:5]:
        r["name"] = evil
    path = os.path.join(folder, "hostile.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(dump, file)
    return path


def check_pages(folder, paths):
    """Where the template is built; the browser looks at them in page.test.mjs."""
    hostile = write_hostile(folder, load(paths[-1]))
    made = [("heap.html", paths), ("hostile.html", [hostile]), ("trace.html", [TRACE])]
    for page, inputs in made:
        done = run(VIEW, *inputs, "-o", os.path.join(folder, page))
        if done.returncode != 0 and "template is not built" in done.stderr:
            print("no template: no pages")
            return
        check(done.returncode == 0, f"{page} is written: {done}")
        with open(os.path.join(folder, page), encoding="utf-8") as file:
            check("</script><script>window" not in file.read(), f"{page}: data is no markup")


PROGRAMS = {  # what they are told, how many dumps come of it, and what must be alive by name in the last one
    "04_engine": ([], 10, "mesh/0/vertices"),
    "10_renderer": (["--frames", "6", "--size", "160x90", "--instances", "50"], 6, "mesh/vertices/knot"),
}


def check_program(program, folder):
    """A renderer's run, with frees that wait, on whatever driver is there."""
    name = os.path.basename(program)
    options, least, owner = PROGRAMS[name]
    prefix = os.path.join(folder, name)
    done = run(program, *options, "--dump", prefix)
    if done.returncode == 77:
        return
    check(done.returncode == 0, f"{name} runs: {done.stdout}{done.stderr}")
    paths = sorted(glob.glob(prefix + "-*.json"))
    check(len(paths) >= least, f"{name} writes its dumps: {paths}")
    for path in paths:
        check_schema(load(path), path)
    live = [r for block in load(paths[-1])["blocks"] for r in block["ranges"] if r["state"] == "live"]
    check(owner in (r["name"] for r in live), f"{owner} is there by name: {live}")
    run(VIEW, *paths, "-o", prefix + ".html")


def main():
    bench, programs = sys.argv[1], sys.argv[3:]
    with tempfile.TemporaryDirectory() as temporary:
        folder = sys.argv[2] if len(sys.argv) > 2 else temporary
        os.makedirs(folder, exist_ok=True)
        for old in glob.glob(os.path.join(folder, "*-*.json")) + glob.glob(os.path.join(folder, "*.html")):
            os.remove(old)
        done = run(bench, "dump", TRACE, os.path.join(folder, "heap"), "12")
        check(done.returncode == 0, f"the trace is played: {done}")
        paths = sorted(glob.glob(os.path.join(folder, "heap-*.json")))
        check(len(paths) == 12, f"twelve dumps: {paths}")
        for path in paths:
            check_schema(load(path), path)
            check_sums(load(path), path)
        check_text(paths[4:8])
        check_refusals(folder)
        check_pages(folder, paths[:8])
        for path in paths[8:]:
            os.remove(path)
        for program in programs:
            check_program(program, folder)


if __name__ == "__main__":
    main()
