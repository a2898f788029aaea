#!/usr/bin/env python3
"""Draws what bda_bench measured.

    plot.py FOLDER RESULTS.json [RESULTS.json...]

Makes an SVG in FOLDER for each kind of measurement that the files hold. Lines are medians, the shade behind them reaches
from the smallest to the largest round. Needs matplotlib (Debian: python3-matplotlib).
"""
import json
import os
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "bda_bench", "svg.fonttype": "none", "font.size": 9, "axes.grid": True,
                            "grid.alpha": 0.3})
import matplotlib.pyplot as plt

# A contender keeps its colour in every picture.
COLOURS = {"core": "#1b6ca8", "public": "#d1495b", "public-locked": "#edae49", "public-buffer": "#8d5a97",
           "vma": "#2e8b57", "vma-min-memory": "#8fbf5f", "vma-buffer": "#146356", "core-mutex": "#1b6ca8",
           "vma-mutex": "#2e8b57", "public-buffer-locked": "#8d5a97", "vma-buffer-locked": "#146356", "driver-share": "#888888",
           "malloc": "#a0a0a0", "mimalloc": "#6b6b6b", "none": "#cccccc"}
OTHER = "#000000"


def read(paths):
    results = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            results += json.load(file)["results"]
    return results


def distinct(results, key):
    return list(dict.fromkeys(r[key] for r in results))


def save(figure, folder, name):
    """With one legend for all of its panels, below them."""
    known = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        known.update({label: handle for handle, label in zip(handles, labels) if label not in known})
    figure.tight_layout(rect=(0, 0.4 / figure.get_figheight(), 1, 1))
    figure.legend(known.values(), known.keys(), loc="lower center", ncol=8, fontsize=8, frameon=False)
    figure.savefig(os.path.join(folder, name + ".svg"), metadata={"Date": None})
    plt.close(figure)


def draw_lines(axes, results, title, x_label, y_label):
    """Over the count of live allocations, both axes logarithmic."""
    for contender in distinct(results, "contender"):
        rows = sorted((r for r in results if r["contender"] == contender), key=lambda r: r["live"])
        x = [r["live"] for r in rows]
        colour = COLOURS.get(contender, OTHER)
        axes.plot(x, [r["median"] for r in rows], "o-", markersize=3, color=colour, label=contender)
        axes.fill_between(x, [r["minimum"] for r in rows], [r["maximum"] for r in rows], color=colour, alpha=0.12,
                          linewidth=0)
    axes.set(xscale="log", yscale="log", title=title, xlabel=x_label, ylabel=y_label)
    axes.yaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    axes.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def draw_bars(axes, results, title, y_label, columns):
    """A group for each column, in it a bar for each contender."""
    contenders = distinct(results, "contender")
    width = 0.8 / len(contenders)
    for i, contender in enumerate(contenders):
        cells = {r["column"]: r for r in results if r["contender"] == contender}
        shown = [(c, cells[name]) for c, name in enumerate(columns) if name in cells]
        heights = [r["median"] for _, r in shown]
        errors = [[r["median"] - r["minimum"] for _, r in shown], [r["maximum"] - r["median"] for _, r in shown]]
        axes.bar([c + i * width for c, _ in shown], heights, width, yerr=errors, label=contender,
                 color=COLOURS.get(contender, OTHER), error_kw={"linewidth": 0.6})
    axes.set(title=title, ylabel=y_label)
    axes.set_xticks([c + 0.4 - width / 2 for c in range(len(columns))], columns)
    axes.grid(axis="x", visible=False)


def plot_pairs(results, folder):
    panels = [("steady", "sizes in steps of 256 B"), ("steady-bytes", "sizes of any byte count"),
              ("fixed", "256 B"), ("fifo", "first in, first out")]
    figure, grid = plt.subplots(2, 2, figsize=(10, 7.5))
    for axes, (command, title) in zip(grid.flat, panels):
        of_command = [r for r in results if r["command"] == command]
        if of_command:
            draw_lines(axes, of_command, title, "live allocations", "ns per pair")
    save(figure, folder, "pairs")


def plot_latency(results, folder):
    tables = distinct(results, "table")
    figure, grid = plt.subplots(len(tables), 1, figsize=(10, 2.8 * len(tables)), squeeze=False)
    for axes, table in zip(grid.flat, tables):
        rows = [r for r in results if r["table"] == table and r["contender"] != "none"]
        draw_bars(axes, rows, table, "ns", distinct(rows, "column"))
        axes.set_yscale("log")
    save(figure, folder, "latency")


def plot_holes(results, folder):
    figure, axes = plt.subplots(figsize=(7, 4.5))
    draw_lines(axes, results, "a request that fits none of the holes", "holes", "ns per refusal")
    save(figure, folder, "holes")


def plot_occupancy(results, folder):
    tables = distinct(results, "table")
    figure, grid = plt.subplots(2, 2, figsize=(10, 7))
    for axes, table in zip(grid.flat, tables):
        rows = [r for r in results if r["table"] == table]
        draw_bars(axes, rows, table.split("pool, ", 1)[1].split(" (")[0], "% of the pool", distinct(rows, "column"))
        axes.set_ylim(60, 100)
    save(figure, folder, "occupancy")


def plot_metadata(results, folder):
    tables = distinct(results, "table")
    figure, grid = plt.subplots(2, 2, figsize=(10, 7))
    for axes, table in zip(grid.flat, tables):
        rows = [r for r in results if r["table"] == table and r["median"] > 0]
        draw_lines(axes, rows, table.split(": ", 1)[1], "live allocations", "")
    save(figure, folder, "metadata")


def plot_instructions(results, folder):
    rows = [dict(r, column=r["table"].split(": ")[1].split(",")[0]) for r in results
            if r["column"] == "without the loop"]
    counts = distinct(rows, "live")
    figure, grid = plt.subplots(len(counts), 1, figsize=(10, 4 * len(counts)), squeeze=False)
    for axes, count in zip(grid.flat, counts):
        of_count = [r for r in rows if r["live"] == count]
        draw_bars(axes, of_count, f"{count} live, the loop subtracted", "instructions per pair",
                  distinct(of_count, "column"))
    save(figure, folder, "instructions")


def plot_batch(results, folder):
    figure, grid = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True)
    for axes, verb in zip(grid, ("freed", "allocated")):
        rows = [dict(r, contender=r["contender"] + (", batch" if "batches" in r["table"] else ", single"),
                     colour=r["contender"]) for r in results
                if f"item {verb}" in r["table"] and r["contender"] in ("core", "public", "public-locked")]
        for contender in distinct(rows, "contender"):
            line = sorted((r for r in rows if r["contender"] == contender), key=lambda r: r["live"])
            axes.plot([r["live"] for r in line], [r["median"] for r in line], label=contender, marker="o", markersize=3,
                      linestyle="-" if "single" in contender else "--", color=COLOURS[line[0]["colour"]])
        axes.set(xscale="log", title=verb, xlabel="live allocations", ylabel="ns per item")
    save(figure, folder, "batch")


def plot_driver(results, folder):
    figure, axes = plt.subplots(figsize=(8, 4.5))
    draw_bars(axes, results, distinct(results, "table")[0], "ns per pair", distinct(results, "column"))
    save(figure, folder, "driver")


def threads_of(row):
    return int(row["column"].split()[0])


def plot_driver_threads(results, folder):
    plot_threads(results, folder, "driver-threads")


def plot_threads(results, folder, name="threads"):
    """Of each workload how the throughput grows, beside the line of a machine and an allocator that nothing holds up."""
    rows = [dict(r, live=threads_of(r)) for r in results if "throughput" in r["table"]]
    tables = distinct(rows, "table")
    if not tables:
        return
    figure, grid = plt.subplots((len(tables) + 1) // 2, 2, figsize=(10, 3.6 * ((len(tables) + 1) // 2)), squeeze=False)
    for axes, table in zip(grid.flat, tables):
        of_table = [r for r in rows if r["table"] == table]
        most = max(r["live"] for r in of_table)
        alone = [dict(r, live=1, median=1, minimum=1, maximum=1) for r in of_table if r["live"] == most]
        axes.plot([1, most], [1, most], ":", color=OTHER, linewidth=0.8, label="as many times as threads")
        draw_lines(axes, alone + of_table, table.split("one thread, ", 1)[1], "threads", "times the throughput of one")
        ticks = sorted({1} | {r["live"] for r in of_table})
        axes.set_xticks(ticks, [str(t) for t in ticks])
        axes.xaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    for axes in list(grid.flat)[len(tables):]:
        axes.set_visible(False)
    save(figure, folder, name)


def plot_stall(results, folder):
    tables = [table for table in distinct(results, "table") if "ns per call" in table]
    figure, grid = plt.subplots(1, len(tables), figsize=(10, 4), sharey=True, squeeze=False)
    for axes, table in zip(grid.flat, tables):
        rows = [r for r in results if r["table"] == table]
        draw_bars(axes, rows, table.split("fits, ", 1)[1], "ns per call", distinct(rows, "column"))
        axes.set_yscale("log")
    save(figure, folder, "stall")


def plot_cold(results, folder):
    rows = [r for r in results if r["column"] != "the loop" and r["live"] == max(r["live"] for r in results)]
    figure, axes = plt.subplots(figsize=(8, 4))
    draw_bars(axes, rows, distinct(rows, "table")[0], "lines", distinct(rows, "column"))
    save(figure, folder, "cold")


PLOTS = [(plot_pairs, {"steady", "steady-bytes", "fixed", "fifo"}), (plot_latency, {"latency"}),
         (plot_holes, {"holes"}), (plot_occupancy, {"occupancy"}), (plot_metadata, {"metadata"}),
         (plot_instructions, {"instructions"}), (plot_batch, {"batch"}), (plot_driver, {"driver"}),
         (plot_threads, {"threads"}), (plot_driver_threads, {"driver-threads"}), (plot_stall, {"stall"}),
         (plot_cold, {"cold"})]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    results = read(sys.argv[2:])
    for plot, commands in PLOTS:
        rows = [r for r in results if r["command"] in commands]
        if rows:
            plot(rows, folder)


if __name__ == "__main__":
    main()
