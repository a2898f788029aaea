#!/usr/bin/env python3
"""Dumps of a trace that is played: they keep the schema, tile their blocks and add up; bda_view puts them in words.

    test_dumps.py BDA_BENCH [FOLDER [PROGRAM...]]

Leaves in FOLDER what the page's test wants, the page included where its template is built. PROGRAM is 04_engine or
10_renderer.
Exits with 77 where python3-jsonschema is missing.
"""
import copy
import glob
import importlib.machinery
import importlib.util
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
    sums = {"live": 0, "count": 0, "free": 0, "cached": 0, "asked": 0, "rest": 0, "size": 0}
    for block in dump["blocks"]:
        at = int(block["address"], 16)
        for r in block["ranges"]:
            check(int(r["address"], 16) == at, f"{path}: the ranges of {block['address']} tile it")
            at += r["size"]
            behind = r.get("behind", 0)
            sums["asked"] += r.get("asked", 0)
            sums["count"] += r["state"] == "live"
            sums[r["state"]] += r["size"] - behind
            sums["rest"] += behind
        check(at == int(block["address"], 16) + block["size"], f"{path}: up to its end")
        sums["size"] += block["before"] + block["size"]
        sums["rest"] += block["before"]
    total = dump["total"]
    check(sums["count"] == total["allocations"] and sums["asked"] == total["used"], f"{path}: {sums} is {total}")
    check(sums["live"] == total["used"] + total["wasted"] and sums["cached"] == total["cached"], f"{path}: {sums} is {total}")
    check(sums["free"] == total["free"] and len(dump["blocks"]) == total["blocks"], f"{path}: {sums} is {total}")
    check(sums["rest"] == total["rest"] and sums["size"] == total["reserved"], f"{path}: {sums} is {total}")
    parts = ("used", "wasted", "pending", "quarantined", "cached", "free", "rest")
    check(sum(total[part] for part in parts) == total["reserved"], f"{path}: the parts of {total}")


def check_prefixes(dump, path):
    """What is counted under each prefix is what the live names that belong to it add up to."""
    counted = {one["prefix"]: one for one in dump["prefixes"]}
    sums = {prefix: [0, 0] for prefix in counted}
    for r in (r for block in dump["blocks"] for r in block["ranges"] if r["state"] == "live"):
        fits = [prefix for prefix in counted if (r["name"] or "").startswith(prefix)]
        if fits:
            entry = sums[max(fits, key=len)]
            entry[0] += 1
            entry[1] += r["asked"]
    for prefix, one in counted.items():
        check([one["allocations"], one["used"]] == sums[prefix], f"{path}: {one} is {sums[prefix]}")
        check(one["peak_used"]["bytes"] >= one["used"], f"{path}: {one} has had as much")


def check_text(paths):
    dump = load(paths[-1])
    done = run(VIEW, "--text", "--columns", "100", *paths)
    check(done.returncode == 0 and not done.stderr, f"the text is written: {done}")
    lines = done.stdout.splitlines()
    check(all(len(line) <= 100 for line in lines if "|" in line), "maps keep to their columns")
    check(sum(line.startswith("heap: ") for line in lines) == len(paths), "each dump is told")
    check(len(dump["blocks"]) <= 16 and all(block["address"] in done.stdout for block in dump["blocks"]), "each block is told")
    check(any("waste" in line for line in lines), "and what is wasted")
    prefix = max(named_bytes(dump).items(), key=lambda entry: entry[1])[0]
    check(any(line.startswith(f"  by name: {prefix} ") for line in lines), f"and who has the most, {prefix}")
    check(any(line.startswith(f"  counted: {dump['prefixes'][0]['prefix']} ") for line in lines), "and what is counted")


def save(folder, name, dump):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(dump, file)
    return path


def text_of(path):
    done = run(VIEW, "--text", path)
    check(done.returncode == 0 and not done.stderr, f"the text is written: {done}")
    return done.stdout


def check_short(folder, dump):
    """However many blocks there are, their rows are few, and the emptiest is among them."""
    dump = copy.deepcopy(dump)
    full = {"size": 4096, "state": "live", "asked": 4096, "handle": "0x1", "name": None, "frame": None}
    like = {**dump["blocks"][0], "size": 4096}
    more = [{**like, "address": hex(i << 40), "ranges": [{**full, "address": hex(i << 40)}]} for i in range(1, 400)]
    empty = more[200]
    empty["ranges"] = [{"address": empty["address"], "size": 4096, "state": "free"}]
    dump["blocks"] = more
    text = text_of(save(folder, "short.json", dump))
    check(len(text.splitlines()) < 40, f"it is short: {text}")
    check(f"  {empty['address']:>18} " in text and "and 383 more blocks" in text, f"the emptiest is told, the others are counted: {text}")


def check_plain(folder, dump):
    """Names, labels and pools that would forge a line, or tell the terminal something."""
    dump = copy.deepcopy(dump)
    evil = "evil\n  waste  9.99 GiB: forged\x1b[31m\x7f\x9b\u2028\u2029end"
    dump["label"] = evil
    for pool in dump["pools"]:
        pool["name"] = evil
    for r in (r for block in dump["blocks"] for r in block["ranges"] if r["state"] == "live"):
        r["name"] = evil + "/x"
    text = text_of(save(folder, "plain.json", dump))
    check(not any(c in text for c in "\x1b\x7f\x9b\u2028\u2029"), f"nothing of them is obeyed: {text!r}")
    check(not any("GiB: forged" in line and not "evil\\n" in line for line in text.split("\n")), f"nor begins a line: {text}")
    check("by name: evil\\n" in text, f"they are told: {text}")


def check_states(folder, dump):
    """What waits is told by what it waits for: bda_trim takes the one, and leaves the other."""
    words = {"pending": "once their semaphores have come so far", "cached": "bda_trim takes back", "quarantined": "bda_trim leaves"}
    for state in words:
        made = copy.deepcopy(dump)
        block = made["blocks"][0]
        taken = {"address": block["address"], "size": 4096, "state": state}
        rest = {"address": hex(int(block["address"], 16) + 4096), "size": block["size"] - 4096, "state": "free"}
        if state != "cached":
            taken.update(handle="0x1", name="mesh/a", frame=None)
        made["blocks"] = [{**block, "ranges": [taken, rest]}]
        text = text_of(save(folder, "states.json", made))
        for other, word in words.items():
            why = f"nothing is live in it, but 4.00 KiB are {other}"
            check((why in text) == (other == state) and (word in text or other != state), f"{state}, not {other}: {text}")
        check(f"~ {state}\n" in text, f"the key says {state}: {text}")


def check_roots(folder, dump):
    """A name that begins with the delimiter is its own prefix, not none."""
    dump = copy.deepcopy(dump)
    for r in (r for block in dump["blocks"] for r in block["ranges"] if r["state"] == "live"):
        r["name"] = "/abs/rock"
    check("by name: /abs/rock " in text_of(save(folder, "roots.json", dump)), "a name that begins with a slash is told")


def check_waiting(folder, dump):
    """What waits counts for the bytes of a name, and not for how many are live."""
    dump = copy.deepcopy(dump)
    block = dump["blocks"][0]
    at = int(block["address"], 16)
    sizes = {"live": 4096, "pending": 8192, "free": block["size"] - 12288}
    ranges = []
    for state, size in sizes.items():
        own = {"asked": size} if state == "live" else {}
        named = {} if state == "free" else {"handle": "0x1", "name": "mesh/a", "frame": None, **own}
        ranges.append({"address": hex(at), "size": size, "state": state, **named})
        at += size
    dump["blocks"] = [{**block, "ranges": ranges}]
    text = text_of(save(folder, "waiting.json", dump))
    check("  by name: mesh 12.0 KiB (1 live)\n" in text, f"12 KiB, one of them live: {text}")


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
                       ("[" * 200000, "neither a heap dump nor a trace"),
                       ("bdaalloc-trace 99\na 1 100 0 device\n", "version 99 of the traces"),
                       ('{"schema":"bdaalloc-heap","version":1,"label":"x","host_bytes":NaN}', "NaN is no number"),
                       ('{"schema":"bdaalloc-heap","version":1,"label":"x","host_bytes":1e999}', "1e999 is no number"),
                       ("bdaalloc-trace 1\na 1 -5 0 device\n", "line 2 is no event"),
                       (f"bdaalloc-trace 1\na 1 {10 ** 400} 0 device\n", "line 2 is no event"),
                       ("bdaalloc-trace 1\nf 17\n", "line 2 is no event")):
        with open(bad, "w", encoding="utf-8") as file:
            file.write(text)
        done = run(VIEW, "--text", bad)
        check(done.returncode == 1 and word in done.stderr and "Traceback" not in done.stderr, f"{word}: {done}")
    os.remove(bad)
    check(run(VIEW, "--text", bad).returncode == 1, "a missing file")


def places_in(value, at=()):
    """The way to every value of a dump."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield at + (key,)
        yield from places_in(part, at + (key,))


def replaced(dump, place, value):
    dump = copy.deepcopy(dump)
    at = dump
    for key in place[:-1]:
        at = at[key]
    if value is not None:
        at[place[-1]] = value[0]
    elif isinstance(at, dict):
        del at[place[-1]]
    else:
        at.pop(place[-1])
    return dump


def short_of(dump):
    """With one of everything, and the tiling kept."""
    dump = copy.deepcopy(dump)
    block = max(dump["blocks"], key=lambda block: len({r["state"] for r in block["ranges"]}))
    block["ranges"] = block["ranges"][:2] + [{"address": block["ranges"][2]["address"], "size": block["size"] - sum(
        r["size"] for r in block["ranges"][:2]), "state": "free", "behind": 1}]
    dump["blocks"] = [block]
    dump["caches"] = [{"number": 0, "keeps": [{"pool": 0, "shard": 0, "bytes": 64, "ranges": 1}], "has_thread": True}]
    for key in ("heaps", "memory_types", "pools", "prefixes"):
        dump[key] = dump[key][:1]
    dump["pools"][0]["memory_type"] = 0
    dump["history"]["frees"] = dump["history"]["frees"][:2]
    return dump


def check_broken(folder, dump):
    """Each value of a dump is taken away, or becomes what it cannot be: a sentence that says where, or the text as ever."""
    loader = importlib.machinery.SourceFileLoader("bda_view", VIEW)
    view = importlib.util.module_from_spec(importlib.util.spec_from_loader("bda_view", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(view)
    dump = short_of(dump)
    check(view.fault_of(dump) is None, f"the short one is whole: {view.fault_of(dump)}")
    wrong = [None] + [[value] for value in (None, True, -1, 0, 1.5, 10 ** 400, "", "0x1", "text", [], {}, [None], {"a": 1}, [[]])]
    refused = 0
    for place in places_in(dump):
        for value in wrong:
            text = json.dumps(replaced(dump, place, value))
            try:
                read = view.read_dump(text, "broken.json")
                check("\n".join(view.text_of(read, 100)), f"{place} as {value} is told")
            except view.Bad as error:
                words, refused = str(error), refused + 1
                check(words.startswith("broken.json: ") and "\n" not in words and len(words) < 400, f"{place} as {value}: {words}")
    check(refused > 1000, f"{refused} are refused")
    for place, value, word in ((("blocks", 0, "ranges", 1, "size"), ["x"], "blocks[0].ranges[1].size: \"x\" is not a whole number from 1 on"),
                               (("total",), [7], "total: 7 is no object"),
                               (("heaps", 0, "use", "peak_used", "bytes"), None, "heaps[0].use.peak_used: no bytes"),
                               (("blocks", 0, "ranges", 1, "address"), ["0x1"], "blocks[0].ranges[1].address: 0x1 is not 0x"),
                               (("pools", 0, "memory_type"), [99], "pools[0].memory_type: there is no memory type 99")):
        bad = save(folder, "broken.json", replaced(dump, place, value))
        for command in ([VIEW, "--text", bad], [VIEW, bad, "-o", os.path.join(folder, "broken.html")]):
            done = run(*command)
            check(done.returncode == 1 and word in done.stderr and done.stderr.count("\n") == 1, f"{word}: {done}")
    os.remove(bad)
    check(not os.path.exists(os.path.join(folder, "broken.html")), "no page is made of it")


def check_files(folder, path):
    """A mark at the beginning, a name that is no UTF-8, a page that cannot be written or would be a dump's, a reader that goes away."""
    with open(path, "rb") as file:
        text = file.read()
    marked = os.path.join(os.fsencode(folder), b"marked-\xff.json")
    with open(marked, "wb") as file:
        file.write(b"\xef\xbb\xbf" + text.replace(b'"label":"', b'"label":null,"was":"', 1))
    page = os.path.join(folder, "marked.html")
    for done in (run(VIEW, "--text", marked), run(VIEW, marked, "-o", page)):
        check(done.returncode == 0 or "template is not built" in done.stderr, f"it is read: {done}")
    os.remove(marked)
    done = run(VIEW, path, "-o", os.path.join(folder, "missing", "x.html"))
    check(done.returncode == 1 and "Traceback" not in done.stderr and done.stderr.startswith("bda_view: "), f"no page: {done}")
    done = run(VIEW, path, path, "-o", os.path.join(folder, ".", os.path.basename(path)))
    check(done.returncode == 1 and "take the place of a dump" in done.stderr, f"no page in a dump's place: {done}")
    with open(path, "rb") as file:
        check(file.read() == text, "the dump is as it was")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([VIEW, "--text", path], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    check(not done.stderr, f"nobody reads on, and that is all: {done}")


def write_hostile(folder, dump):
    """Names and labels that would be markup, or end the script that holds them."""
    evil = "<img src=x onerror='window.hacked=1'></script><script>window.hacked=1</script>"
    dump["label"] = evil
    named = [r for block in dump["blocks"] for r in block["ranges"] if r["state"] == "live"]
    for r in named[:5]:
        r["name"] = evil
    return save(folder, "hostile.json", dump)


def write_untold(folder, dump):
    """As BDA_JSON_NO_RANGES_BIT leaves it."""
    for block in dump["blocks"]:
        del block["ranges"]
    return save(folder, "untold.json", dump)


def write_odd(folder, dump):
    """Names as long as they can be, and one that begins with a slash; quarantined ranges; frames that went back; a limit."""
    named = [r for block in dump["blocks"] for r in block["ranges"] if r["state"] == "live"]
    named[0]["name"] = "/abs/rock"
    named[1].update(name="L" * 127, asked=1)  # padded, so that its name stands among the waste
    named[2].update(name="held/back", state="quarantined")
    del named[2]["asked"]
    dump["frame"] = max(1, dump["frame"])
    named[0]["frame"] = dump["frame"] + 2
    kept = {"pool": 0, "shard": 0, "bytes": 64, "ranges": 1}
    dump["caches"] = [{"number": 0, "keeps": [], "has_thread": True}, {"number": 1, "keeps": [kept, kept], "has_thread": True}]
    for heap in dump["heaps"]:
        heap.update(limit=heap["size"] // 2, budget=heap["size"] // 2, told_by_driver=False)
    del dump["prefixes"]  # as in dumps of before
    for use in (dump["total"], *(heap["use"] for heap in dump["heaps"]), *(pool["use"] for pool in dump["pools"])):
        del use["rest"]
    for block in dump["blocks"]:
        del block["before"]
        block["ranges"][-1].pop("behind", None)
    return save(folder, "odd.json", dump)


def write_rest(folder, dump):
    """As a driver leaves it whose bases are not aligned."""
    for block in dump["blocks"]:
        block["before"] += 192
    for use in (dump["total"], dump["heaps"][0]["use"]):
        use["reserved"] += 192 * len(dump["blocks"])
        use["rest"] += 192 * len(dump["blocks"])
    return save(folder, "rest.json", dump)


def write_high(folder, dump):
    """Addresses in the upper half of 48 bits, which tools write sign-extended."""
    raised = [one for block in dump["blocks"] for one in (block, *block["ranges"])] + dump["history"]["frees"]
    for one in raised:
        one["address"] = hex(int(one["address"], 16) | 1 << 47)
    return save(folder, "high.json", dump)


def check_pages(folder, paths):
    """Where the template is built; the browser looks at them in page.test.mjs."""
    high, rest = write_high(folder, load(paths[-1])), write_rest(folder, load(paths[-1]))
    hostile = write_hostile(folder, load(paths[-1]))
    untold, odd = write_untold(folder, load(paths[-1])), write_odd(folder, load(paths[-1]))
    made = [("heap.html", paths), ("hostile.html", [hostile]), ("trace.html", [TRACE]), ("untold.html", [untold]), ("odd.html", [odd]),
            ("high.html", [high]), ("rest.html", [rest])]
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
        if name == "10_renderer":  # whose one thread rests meanwhile
            check_prefixes(load(path), path)
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
            check_prefixes(load(path), path)
        check(any(one["used"] for one in load(paths[7])["prefixes"]), "something is counted")
        check_text(paths[4:8])
        check_short(folder, load(paths[7]))
        check_plain(folder, load(paths[7]))
        check_states(folder, load(paths[7]))
        check_roots(folder, load(paths[7]))
        check_waiting(folder, load(paths[7]))
        check_files(folder, paths[7])
        check_refusals(folder)
        check_broken(folder, load(paths[7]))
        check_pages(folder, paths[:8])
        for path in paths[8:]:
            os.remove(path)
        for program in programs:
            check_program(program, folder)


if __name__ == "__main__":
    main()
