// The charts, by ECharts: use over time, what is used by whom, sizes.

import * as echarts from "echarts/core";
import { BarChart, LineChart, TreemapChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";

import { bytes, count, kindOf, prefixOf } from "./format.js";
import { ownBytes } from "./heap.js";

echarts.use([BarChart, LineChart, TreemapChart, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, CanvasRenderer]);

const TEXT = "#aab4c0";
const LINES = "#2b333d";
const FRAGMENTATION = "#d7f36b"; // no name has it

function open(element) {
  const chart = echarts.getInstanceByDom(element) ?? echarts.init(element, null, { renderer: "canvas" });
  if (!element.dataset.watched) {
    element.dataset.watched = "yes";
    new ResizeObserver(() => chart.resize()).observe(element);
  }
  return chart;
}

const NAME = { color: TEXT, fontSize: 11 };

// Whole steps of powers of two, four to seven of them.
function bytesAxis(more) {
  const step = (most) => 2 ** Math.ceil(Math.log2(Math.max(4, most) / 6));
  return { type: "value", ...AXIS, axisLabel: { color: TEXT, formatter: bytes }, ...more,
    max: (range) => Math.ceil(range.max / step(range.max)) * step(range.max) };
}

function withSteps(axis, most) {
  return { ...axis, interval: 2 ** Math.ceil(Math.log2(Math.max(4, most) / 6)) };
}

const AXIS = { axisLine: { lineStyle: { color: LINES } }, axisLabel: { color: TEXT }, splitLine: { lineStyle: { color: LINES } } };

function tooltip(more) {
  return { backgroundColor: "#11151a", borderColor: LINES, textStyle: { color: "#e6ebf0", fontSize: 12 }, ...more };
}

function base(series, times) {
  return {
    animation: false,
    grid: { left: 74, right: 74, top: 50, bottom: 26 },
    legend: { type: "scroll", textStyle: { color: TEXT }, top: 0, icon: "roundRect", itemWidth: 12, itemHeight: 8 },
    tooltip: tooltip({ trigger: "axis" }),
    xAxis: { type: "category", data: times, boundaryGap: false, ...AXIS, splitLine: { show: false } },
    series,
  };
}

function area(name, colour, data) {
  return { name, type: "line", stack: "all", symbol: "none", lineStyle: { width: 0 }, areaStyle: { opacity: 0.85 }, color: colour, data,
    tooltip: { valueFormatter: bytes } };
}

function line(name, colour, data, more) {
  return { name, type: "line", symbol: "circle", symbolSize: 5, lineStyle: { width: 2 }, color: colour, data, ...more };
}

// ---- Over time ----

const PREFIXES = 9; // in colours of their own, of those that there are

function byState(heaps) {
  const of = (key) => heaps.map((heap) => heap.total[key]);
  return [
    area("used", "#4f9cf9", of("used")),
    area("padding", "#e2583e", of("wasted")),
    area("pending", "#f2b134", of("pending")),
    area("cached", "#9d7bea", of("cached")),
    area("quarantined", "#e07a9a", of("quarantined")),
    area("free", "#38424e", of("free")),
  ].filter((series) => series.data.some((value) => value > 0));
}

// What allocations hold, pending ones included, by what their names begin with.
function byName(heaps, colours) {
  const most = new Map();
  for (const heap of heaps) for (const [prefix, { held }] of heap.prefixes) most.set(prefix, Math.max(held, most.get(prefix) ?? 0));
  const shown = [...most].sort(([, a], [, b]) => b - a).slice(0, PREFIXES).map(([prefix]) => prefix);
  const of = (heap, prefix) => heap.prefixes.get(prefix)?.held ?? 0;
  const series = shown.map((prefix) => area(prefix === "" ? "without a name" : prefix, colours.ofPrefix(prefix), heaps.map((heap) => of(heap, prefix))));
  const all = (heap) => [...heap.prefixes.values()].reduce((sum, { held }) => sum + held, 0);
  if (most.size > shown.length)
    series.push(area("other names", "#6b7580", heaps.map((heap) => shown.reduce((rest, prefix) => rest - of(heap, prefix), all(heap)))));
  return series;
}

export function drawTimeline(element, heaps, current, by, colours, onPick) {
  const times = heaps.map((heap, i) => (heap.frame > 0 ? `frame ${heap.frame}` : `${i + 1}`));
  const of = (key) => heaps.map((heap) => heap.total[key]);
  const option = base(
    [
      ...(by === "name" ? byName(heaps, colours) : byState(heaps)),
      line("reserved", "#e6ebf0", of("reserved"), { lineStyle: { width: 1.5, type: "dashed" }, symbol: "none", tooltip: { valueFormatter: bytes } }),
      line("fragmentation", FRAGMENTATION, heaps.map((heap) => 100 * heap.total.fragmentation), {
        yAxisIndex: 1,
        tooltip: { valueFormatter: (value) => `${value.toFixed(1)} %` },
        markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: "#ffffff", width: 1 }, data: [{ xAxis: current }] },
      }),
    ],
    times,
  );
  option.yAxis = [
    withSteps(bytesAxis({ name: "bytes", nameTextStyle: NAME }), Math.max(...of("reserved"))),
    { type: "value", name: "fragmentation", nameTextStyle: { ...NAME, color: FRAGMENTATION }, min: 0, max: 100, ...AXIS, splitLine: { show: false }, axisLabel: { color: FRAGMENTATION, formatter: "{value} %" } },
  ];
  const chart = open(element);
  chart.setOption(option, true);
  chart.getZr().off("click");
  chart.getZr().on("click", (event) => {
    const [index] = chart.convertFromPixel({ gridIndex: 0 }, [event.offsetX, event.offsetY]);
    if (index >= 0 && index < heaps.length) onPick(Math.round(index));
  });
}

// What a trace has over time: bytes of each intent.
export function drawTrace(element, trace) {
  const colours = { device: "#4f9cf9", upload: "#f28e2c", readback: "#59c28b", shared: "#c4a5f5" };
  const series = Object.entries(trace.bytes).map(([intent, data]) => area(intent, colours[intent] ?? "#7d8896", data));
  series.push(line("buffers", "#e6ebf0", trace.buffers, { yAxisIndex: 1, symbol: "none", tooltip: { valueFormatter: count } }));
  const option = base(series, trace.events);
  option.yAxis = [withSteps(bytesAxis({ name: "bytes alive", nameTextStyle: NAME }), trace.peak_bytes),
    { type: "value", name: "buffers alive", nameTextStyle: NAME, ...AXIS, splitLine: { show: false } }];
  Object.assign(option.xAxis, { name: "events: buffers created and destroyed", nameLocation: "middle", nameGap: 24, nameTextStyle: NAME });
  option.grid.bottom = 42;
  open(element).setOption(option, true);
}

// ---- By whom ----

function treeOf(heap, colours) {
  const prefixes = new Map();
  for (const block of heap.blocks)
    for (const range of block.ranges)
      if (range.state === "live") {
        const prefix = prefixOf(range.name) ?? "without a name";
        const kind = kindOf(range.name) ?? "without a name";
        const kinds = prefixes.get(prefix) ?? prefixes.set(prefix, new Map()).get(prefix);
        const sum = kinds.get(kind) ?? kinds.set(kind, { value: 0, allocations: 0 }).get(kind);
        sum.value += ownBytes(range);
        sum.allocations++;
      }
  return [...prefixes].map(([name, kinds]) => ({
    name,
    itemStyle: { color: colours.ofPrefix(name) },
    children: [...kinds].map(([kind, sum]) => ({ name: kind, itemStyle: { color: colours.ofKind(kind) }, ...sum })),
  }));
}

export function drawOwners(element, heap, colours) {
  const label = { color: "#10151b", fontSize: 12, lineHeight: 16, overflow: "truncate", formatter: (p) => `${p.name}\n${bytes(p.value)}` };
  open(element).setOption({
    animation: false,
    tooltip: tooltip({
      formatter: (p) => `${echarts.format.encodeHTML(p.name)}<br>${bytes(p.value)}${p.data.allocations ? `, ${count(p.data.allocations)} allocations` : ""}`,
    }),
    series: [{
      type: "treemap", roam: false, nodeClick: false, breadcrumb: { show: false }, left: 0, top: 0, width: "100%", height: "100%",
      label,
      labelLayout: ({ rect }) => (rect.width < 66 || rect.height < 36 ? { x: -1000 } : {}), // pointing at it says it
      itemStyle: { borderColor: "#161b21", borderWidth: 1, gapWidth: 1 },
      levels: [{ itemStyle: { borderWidth: 0, gapWidth: 4 } }, { itemStyle: { borderWidth: 0, gapWidth: 1 } }],
      data: treeOf(heap, colours),
    }],
  }, true);
}

// ---- Sizes ----

function histogram(sizes) {
  const bins = new Map();
  for (const size of sizes) {
    const bin = Math.ceil(Math.log2(Math.max(16, size)));
    const at = bins.get(bin) ?? bins.set(bin, { number: 0, bytes: 0 }).get(bin);
    at.number++;
    at.bytes += size;
  }
  const keys = [...bins.keys()].sort((a, b) => a - b);
  const all = keys.length ? Array.from({ length: keys.at(-1) - keys[0] + 1 }, (_, i) => keys[0] + i) : [];
  return all.map((bin) => ({ bin, ...(bins.get(bin) ?? { number: 0, bytes: 0 }) }));
}

export function drawSizes(element, sizes) {
  const bins = histogram(sizes);
  const option = base([
    { name: "allocations", type: "bar", color: "#4f9cf9", data: bins.map((b) => b.number), tooltip: { valueFormatter: count } },
    { name: "bytes", type: "bar", yAxisIndex: 1, color: "#f28e2c", data: bins.map((b) => b.bytes), tooltip: { valueFormatter: bytes } },
  ], bins.map((b) => `≤ ${bytes(2 ** b.bin)}`));
  option.xAxis.boundaryGap = true;
  option.yAxis = [
    { type: "value", name: "allocations", nameTextStyle: { ...NAME, color: "#4f9cf9" }, minInterval: 1, ...AXIS },
    withSteps(bytesAxis({ name: "bytes", nameTextStyle: { ...NAME, color: "#f28e2c" }, splitLine: { show: false } }), Math.max(0, ...bins.map((b) => b.bytes))),
  ];
  open(element).setOption(option, true);
}
