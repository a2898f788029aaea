// The page. Everything it shows comes from the dumps that stand in it; it asks no one for anything.

import "./trouble.js";
import { NameColours, colourOf, legendOf } from "./colours.js";
import { drawOwners, drawSizes, drawTimeline, drawTrace } from "./charts.js";
import { bytes, count, hex, percent, plural, prefixOf } from "./format.js";
import { findAddress, findHandle, findNames, numberOf, ownBytes, padding, pastHandles, pastNames, pastOwners, rangeAt, readDump } from "./heap.js";
import { BlockMap } from "./map.js";

const data = JSON.parse(document.getElementById("data").textContent);
const heaps = data.dumps.map((dump, i) => {
  try {
    return readDump(dump);
  } catch (error) {
    throw new Error(`dump ${i + 1} of ${data.dumps.length} is not as docs/heap-dump.md says: ${error.message}`);
  }
});
const names = new NameColours(heaps);
const page = { index: Math.max(0, heaps.length - 1), mode: "name", by: "state", only: null, allWaste: false, maps: [] };

const $ = (id) => document.getElementById(id);
const heapNow = () => heaps[page.index];

// Names come from programs: they are set as text, never as markup.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes))
    if (key === "onclick") made.addEventListener("click", value);
    else if (value !== null && value !== undefined) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function list(pairs) {
  const dl = element("dl");
  for (const [key, value] of pairs) if (value !== null && value !== undefined) dl.append(element("dt", {}, key), element("dd", {}, value));
  return dl;
}

// ---- Numbers ----

function showTiles(heap) {
  const total = heap.total;
  const at = (peak) => (peak.frame > 0 ? `, in frame ${count(peak.frame)}` : "");
  const tiles = [
    ["used", bytes(total.used), `${plural(total.allocations, "allocation")}; ${percent(total.used, total.reserved)} of what is reserved`],
    ["reserved", bytes(total.reserved), `${plural(total.blocks, "block")}, ${count(total.dedicated)} dedicated, ${count(total.empty_blocks)} empty`],
    ["peak", bytes(total.peak_used.bytes), `used${at(total.peak_used)}; reserved ${bytes(heap.peak_reserved.bytes)}${at(heap.peak_reserved)}`],
    ["free", bytes(total.free), `the longest piece is ${bytes(total.largest_free)}`],
    ["fragmentation", `${(100 * total.fragmentation).toFixed(1)} %`, `${bytes(total.scattered)} are free in pieces beside the longest of each pool`],
    ["padding", bytes(total.wasted), "held by allocations beyond what they asked for"],
    ["cached", bytes(total.cached), `kept by ${plural(heap.caches.filter((cache) => cache.keeps.length > 0).length, "thread")} for their next requests`],
    ["pending", bytes(total.pending), `${plural(total.pending_frees, "free")} waiting for the GPU`],
    ...(total.quarantined > 0 ? [["quarantined", bytes(total.quarantined), `${plural(total.quarantined_frees, "free")} held back by a checking mode`]] : []),
    ["host memory", bytes(heap.host_bytes), "held by the library itself"],
  ];
  $("tiles").replaceChildren(...tiles.map(([name, value, text]) =>
    element("div", { class: "tile", "data-tile": name }, element("span", {}, name), element("b", {}, value), element("span", {}, text))));
}

function bar(parts, whole) {
  const legend = [];
  const strips = parts.filter(([, value]) => value > 0).map(([name, value, colour]) => {
    const swatch = element("i");
    swatch.style.background = colour;
    legend.push(element("span", {}, swatch, `${name} ${bytes(value)} (${percent(value, whole)})`));
    const strip = element("i", { title: `${name}: ${bytes(value)}` });
    strip.style.background = colour;
    strip.style.width = `${(100 * value) / whole}%`;
    return strip;
  });
  return { strips, legend };
}

function showWhole(heap) {
  const total = heap.total;
  const rest = total.free - total.scattered - total.empty;
  const { strips, legend } = bar([
    ["used", total.used, "#4f9cf9"], ["padding", total.wasted, "#e2583e"], ["pending", total.pending, "#f2b134"],
    ["cached", total.cached, "#9d7bea"], ["quarantined", total.quarantined, "#e07a9a"], ["free, scattered", total.scattered, "#8a5a44"], ["free, in one piece", Math.max(0, rest), "#47535f"],
    ["empty blocks", Math.min(total.empty, total.free), "#2f3842"], ["rest, nobody's", total.rest ?? 0, "#171c22"],
  ], total.reserved);
  $("whole").replaceChildren(...strips);
  $("whole-legend").replaceChildren(...legend);
}

function table(id, heads, rows) {
  const cell = (tag, value, numeric) => element(tag, { class: numeric ? "number" : null }, value);
  const head = element("tr", {}, ...heads.map(([text, numeric]) => cell("th", text, numeric)));
  const body = rows.map(({ cells, go }) =>
    element("tr", go ? { class: "hit", onclick: go } : {}, ...cells.map((value, i) => cell("td", value, heads[i][1]))));
  $(id).replaceChildren(element("thead", {}, head), element("tbody", {}, ...body));
}

// A name may be long: its column keeps its width, and pointing at it says all of it.
function nameCell(name, ...before) {
  return element("span", { class: "called", title: name || null }, ...before, name || "without a name");
}

const WASTE_AT_FIRST = 3;

function showWaste() {
  const all = data.waste[page.index];
  $("waste-card").hidden = all.length === 0;
  const some = page.allWaste ? all : all.slice(0, WASTE_AT_FIRST);
  $("more-waste").hidden = some.length === all.length;
  $("more-waste").textContent = `${all.length - some.length} more`;
  const rows = some.map((waste) => ({
    cells: [bytes(waste.bytes), waste.what, waste.why],
    go: waste.address === undefined ? null : () => goTo(findAddress(heapNow(), BigInt(waste.address)), false),
  }));
  table("waste", [["bytes", true], ["what", false], ["why, and what helps", false]], rows);
}

function showLargest(heap) {
  const all = heap.blocks.flatMap((block) => block.ranges.filter((range) => range.state === "live").map((range) => ({ block, range })));
  all.sort((a, b) => b.range.asked - a.range.asked);
  table("largest", [["bytes", true], ["name", false], ["address", false], ["block", false], ["frame", true]], all.slice(0, 50).map(({ block, range }) => ({
    cells: [bytes(range.asked), nameCell(range.name), element("code", {}, hex(block.base + BigInt(range.offset))), poolName(heap, block), range.frame === null ? "–" : count(range.frame)],
    go: () => goTo({ block, range }, true),
  })));
  $("largest-card").hidden = $("sizes-card").hidden = $("owners-card").hidden = all.length === 0;
  if (all.length > 0) drawSizes($("sizes"), all.map(({ range }) => range.asked));
}

// What each prefix of names holds, now and at its most over the run.
function showNames(heap) {
  const all = [...heap.prefixes.values()].reduce((sum, { held }) => sum + held, 0);
  const states = ["pending", ...([...heap.prefixes.values()].some((sum) => sum.quarantined > 0) ? ["quarantined"] : [])];
  $("names-card").hidden = heap.prefixes.size === 0;
  const rows = [...heap.prefixes].map(([prefix, sum]) => {
    const swatch = element("i", { class: "swatch" });
    swatch.style.background = names.ofPrefix(prefix);
    const most = heaps.reduce((best, other) => ((other.prefixes.get(prefix)?.held ?? 0) > (best.prefixes.get(prefix)?.held ?? 0) ? other : best), heaps[0]);
    const at = heaps.length < 2 ? [] : [`${bytes(most.prefixes.get(prefix).held)}${most.frame > 0 ? `, frame ${count(most.frame)}` : ""}`];
    return { cells: [nameCell(prefix, swatch), count(sum.allocations), bytes(sum.asked), bytes(sum.padding), ...states.map((state) => bytes(sum[state])), percent(sum.held, all), ...at] };
  });
  table("names", [["name", false], ["allocations", true], ["used", true], ["padding", true], ...states.map((state) => [state, true]), ["share", true], ...(heaps.length < 2 ? [] : [["the most of all dumps", true]])], rows);
}

// What the library counted itself, of the prefixes that the program named.
function showCounted(heap) {
  $("counted-card").hidden = heap.counted.length === 0;
  table("counted", [["prefix", false], ["allocations", true], ["used", true], ["the most ever", true], ["in frame", true]], heap.counted.map((one) => ({
    cells: [nameCell(one.prefix), count(one.allocations), bytes(one.used), bytes(one.peak_used.bytes), one.peak_used.frame > 0 ? count(one.peak_used.frame) : "–"],
  })));
}

function budgetWords(h) {
  if (h.limit > 0 && h.budget === h.limit) return "the limit in BdaAllocatorInfo::heap_limits";
  const said = h.told_by_driver ? "as the driver says" : "80 % of the heap, since the driver does not say";
  return h.limit > 0 ? `${said}; limit ${bytes(h.limit)}` : said;
}

function showHeaps(heap) {
  $("heaps").replaceChildren(...heap.heaps.filter((h) => h.size > 0).map((h) => {
    const others = Math.max(0, h.usage - h.use.reserved);
    const whole = Math.max(h.budget, h.usage, 1);
    const { strips, legend } = bar([["used", h.use.used, "#4f9cf9"], ["reserved, not used", h.use.reserved - h.use.used, "#2f5f96"], ["others", others, "#8b6f47"], ["left", h.left, "#2a323b"]], whole);
    const trim = h.trim_least === h.trim_most ? bytes(h.trim_least) : `${bytes(h.trim_least)} to ${bytes(h.trim_most)}`;
    const words = `heap ${h.index}: ${bytes(h.size)}; budget ${bytes(h.budget)}, ${budgetWords(h)}` +
      `${h.external > 0 ? `; ${bytes(h.external)} of the program's beside the library, told by bda_set_external_use` : ""}` +
      `; at most ${bytes(h.peak_reserved.bytes)} reserved so far; bda_trim(0) would give back ${trim}`;
    return element("div", { "data-heap": h.index }, words, element("div", { class: "bar" }, ...strips), element("div", { class: "legend" }, ...legend));
  }));
}

function poolName(heap, block) {
  const pool = block.poolInfo;
  if (pool === undefined) return `pool ${block.pool}`;
  const kind = block.dedicated ? "dedicated memory" : pool.own_buffers ? "own buffers" : "ranges";
  const type = heap.memory_types[pool.memory_type];
  const intents = type.intents.length === 4 ? " for all intents" : ` for ${type.intents.join(", ") || type.properties.join(", ")}`;
  return `${pool.name !== null ? `“${pool.name}”` : `pool ${pool.id}`}: ${kind}${intents}, memory type ${pool.memory_type}`;
}

function showPools(heap) {
  const used = [...heap.pools.values()].filter((pool) => pool.use.blocks > 0);
  table("pools", [["pool", false], ["blocks", true], ["allocations", true], ["used", true], ["reserved", true], ["fragmentation", true]], used.map((pool) => ({
    cells: [poolName(heap, { poolInfo: pool, dedicated: false }), count(pool.use.blocks), count(pool.use.allocations), bytes(pool.use.used), bytes(pool.use.reserved), `${(100 * pool.use.fragmentation).toFixed(1)} %`],
  })));
}

function agoOf(owner) {
  return owner.frees_ago === 0 ? "the last free" : `about ${plural(owner.frees_ago, "free")} ago`;
}

function showPast(heap) {
  $("past-card").hidden = heap.history === undefined;
  if (heap.history === undefined) return;
  $("past-words").textContent = heap.history.complete ? "every free since the allocator was made" : `the history reaches back about ${plural(heap.history.reach, "free")}`;
  table("past", [["when", false], ["name", false], ["bytes", true], ["address", false]], heap.past.slice(0, 200).map((owner) => ({
    cells: [`${agoOf(owner)}${owner.frame_freed > 0 ? `, frame ${count(owner.frame_freed)}` : ""}`, nameCell(owner.name), bytes(owner.size), element("code", {}, owner.address)],
    go: () => goTo(findAddress(heap, owner.base), false),
  })));
}

// ---- A range ----

function describe(block, range, offset) {
  const heap = heapNow();
  const address = block.base + BigInt(range.offset);
  const past = range.state === "live" ? [] : pastOwners(heap, address).slice(0, 3);
  const title = range.state === "live" ? range.name ?? "an allocation without a name" : range.name !== null ? `${range.name}, ${range.state}` : range.state;
  return element("div", {}, element("b", {}, title), list([
    ["address", hex(address)],
    ["size", range.state === "live" ? `${bytes(range.asked)} (${count(range.asked)} bytes)` : `${bytes(ownBytes(range))} (${count(ownBytes(range))} bytes)`],
    ["holds", padding(range) > 0 ? `${count(ownBytes(range))} bytes, ${count(padding(range))} of them padding` : null],
    ["behind it", range.behind ? `${plural(range.behind, "byte")} that nobody can have, up to the block's end` : null],
    ["state", range.state],
    ["handle", range.handle],
    ["user", range.user],
    ["since", range.frame === null || range.frame === undefined ? null : `frame ${count(range.frame)}${heap.frame > 0 && heap.frame >= range.frame ? `, ${plural(heap.frame - range.frame, "frame")} ago` : ""}`],
    ["elsewhere", range.placed ? `the driver placed the buffer at ${range.placed}` : null],
    ["block", `${block.address}, ${bytes(block.size)}; offset ${count(range.offset)}`],
    ["pool", poolName(heap, block)],
    ["pointed at", offset === null ? null : `${hex(block.base + BigInt(offset))}, byte ${count(offset - range.offset)}`],
    ...past.map((owner) => ["before", `${owner.name ?? "an unnamed allocation"}, ${count(owner.size)} bytes, until ${agoOf(owner)}`]),
  ]));
}

const look = {
  selected: null,
  colour: (range) => colourOf(range, page.mode, names, heapNow().frame),
  dimmed: (range) => page.only !== null && (prefixOf(range.name) ?? "") !== page.only,
  onMove: (map) => showRuler(map),
  onHover(map, event) {
    const tip = $("tooltip");
    const offset = event === null ? -1 : Math.floor(map.offsetAt(event.clientX));
    const range = event === null ? null : rangeAt(map.block, offset);
    tip.hidden = range === null;
    if (range === null) return;
    tip.replaceChildren(describe(map.block, range, offset));
    const left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 18 + tip.offsetHeight < window.innerHeight;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${below ? event.clientY + 18 : Math.max(4, event.clientY - tip.offsetHeight - 12)}px`;
  },
  onSelect(map, range) {
    if (range !== null) select(map.block, range);
  },
};

function select(block, range) {
  look.selected = range;
  $("selected-card").hidden = false;
  $("selected").replaceChildren(describe(block, range, null));
  redraw();
}

// ---- Maps ----

function redraw() {
  for (const map of page.maps) if (map.seen) map.draw();
}

// The others are drawn when they are scrolled to.
const AT_ONCE = 60;

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    entry.target.map.seen = entry.isIntersecting;
    if (entry.isIntersecting) entry.target.map.draw();
  }
}, { rootMargin: "200px" });

// What a map that is zoomed shows: offsets in its block, and the addresses there.
function showRuler(map) {
  const { block, from, span } = map;
  const at = (offset) => `${bytes(offset)} in, ${hex(block.base + BigInt(Math.round(offset)))}`;
  map.ruler.hidden = span >= block.size;
  map.ruler.replaceChildren(element("code", {}, at(from)), element("span", {}, `${bytes(span)} of ${bytes(block.size)} shown`), element("code", {}, at(from + span)));
}

function row(heap, block) {
  const canvas = element("canvas", { class: "map", "data-block": block.address, "aria-label": `block ${block.address}` });
  const taken = block.sums.live + block.sums.held;
  const words = block.ranges.length ? `; ${plural(block.sums.allocations, "allocation")}, ${percent(taken, block.size)} taken` : "";
  const name = element("div", { class: "name" }, element("code", {}, block.address), element("br"), `${bytes(block.size)}${words}`);
  const map = new BlockMap(block, canvas, look);
  canvas.map = map;
  page.maps.push(map);
  map.ruler = element("div", { class: "ruler", hidden: "" });
  watcher.observe(canvas);
  return element("div", { class: "row" }, name, canvas, map.ruler);
}

function showMaps(heap) {
  $("untold").hidden = heap.told;
  watcher.disconnect();
  page.maps = [];
  const groups = new Map();
  for (const block of heap.blocks) {
    const key = poolName(heap, block);
    (groups.get(key) ?? groups.set(key, []).get(key)).push(block);
  }
  $("maps").replaceChildren(...[...groups].map(([key, blocks]) => {
    const size = blocks.reduce((sum, block) => sum + block.size, 0);
    const head = element("h3", {}, key, element("span", {}, `${plural(blocks.length, "block")}, ${bytes(size)}`));
    return element("div", { class: "pool" }, head, ...blocks.map((block) => row(heap, block)));
  }));
  for (const map of page.maps.slice(0, AT_ONCE)) map.draw();
}

function showLegend(heap) {
  $("legend").replaceChildren(...legendOf(page.mode, names, heap).map(([colour, text, key, striped]) => {
    const swatch = element("i", striped ? { class: "striped" } : {});
    swatch.style.backgroundColor = colour;
    const pick = () => {
      page.only = page.only === key ? null : key;
      showLegend(heap);
      redraw();
    };
    return element("span", key === null ? {} : { "data-key": key, class: page.only === key ? "on" : null, onclick: pick }, swatch, text);
  }));
}

// ---- Finding ----

function goTo(hit, zoom) {
  if (hit === null) return;
  const map = page.maps.find((m) => m.block === hit.block);
  map.canvas.scrollIntoView({ block: "center" });
  if (hit.range === null) return;
  map.seen = true;
  if (zoom) map.zoomTo(hit.range);
  select(hit.block, hit.range);
}

function hitLine(block, range, zoom) {
  if (range === null) return element("div", {}, "in block ", element("code", {}, block.address), `, ${bytes(block.size)}; this dump has no ranges`);
  const address = hex(block.base + BigInt(range.offset));
  return element("div", { class: "hit", onclick: () => goTo({ block, range }, zoom) },
    element("b", {}, range.name ?? (range.state === "live" ? "without a name" : range.state)), ` ${bytes(range.asked ?? range.size)} at `, element("code", {}, address),
    element("span", { class: "soft" }, ` ${range.state}`));
}

function pastLine(owner) {
  return element("div", { class: "soft" }, `freed: ${owner.name ?? "without a name"}, ${bytes(owner.size)} at `, element("code", {}, owner.address), `, ${agoOf(owner)}`);
}

function search(text) {
  const heap = heapNow();
  const lines = [];
  let hit = null;
  const number = numberOf(text);
  const isNumber = number !== null && /^0x/i.test(text); // else it may be a name as well, as “face” is
  if (number !== null) {
    hit = findHandle(heap, number) ?? findAddress(heap, number);
    if (hit !== null) lines.push(hitLine(hit.block, hit.range, true));
    else if (isNumber) lines.push(element("div", {}, `${text} is in no block of this heap, and no live handle`));
    lines.push(...[...new Set([...pastHandles(heap, number), ...pastOwners(heap, hit?.address ?? number)])].slice(0, 8).map(pastLine));
  }
  if (!isNumber && text !== "") {
    const found = findNames(heap, text, 200);
    lines.push(...found.map(({ block, range }) => hitLine(block, range, true)), ...pastNames(heap, text, 20).map(pastLine));
    if (lines.length === 0)
      lines.push(element("div", {}, `nothing has “${text}” in its name${heap.told ? "" : "; this dump has no ranges"}${number !== null ? `; nor is ${hex(number)} in a block of this heap, or a live handle` : ""}`));
    if (hit === null && found.length === 1) hit = found[0];
  }
  $("found").hidden = lines.length === 0;
  $("found").replaceChildren(...lines);
  return hit;
}

// ---- All of it ----

function show(index) {
  page.index = index;
  look.selected = null;
  const heap = heapNow();
  $("selected-card").hidden = true;
  $("title").textContent = [heap.label, heap.frame > 0 && !heap.label?.includes("frame") ? `frame ${heap.frame}` : null, `libbdaalloc ${heap.library}`].filter(Boolean).join(" · ");
  $("step").value = index;
  $("which").textContent = `${index + 1} of ${heaps.length}`;
  showTiles(heap);
  showWhole(heap);
  showWaste();
  showMaps(heap);
  showLegend(heap);
  showNames(heap);
  showCounted(heap);
  showLargest(heap);
  showHeaps(heap);
  showPools(heap);
  showPast(heap);
  if (!$("owners-card").hidden) drawOwners($("owners"), heap, names);
  if (heaps.length > 1) drawTimeline($("timeline"), heaps, index, page.by, names, show);
}

function begin() {
  $("mode").addEventListener("change", (event) => {
    page.mode = event.target.value;
    page.only = null;
    showLegend(heapNow());
    redraw();
  });
  $("by").addEventListener("change", (event) => {
    page.by = event.target.value;
    drawTimeline($("timeline"), heaps, page.index, page.by, names, show);
  });
  $("more-waste").addEventListener("click", () => {
    page.allWaste = true;
    showWaste();
  });
  $("reset").addEventListener("click", () => page.maps.forEach((map) => map.show(0, map.block.size)));
  $("search").addEventListener("input", (event) => search(event.target.value.trim()));
  $("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") goTo(search(event.target.value.trim()), true);
    if (event.key === "Escape") $("found").hidden = true;
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#found, #search")) $("found").hidden = true;
  });
  $("step").max = heaps.length - 1;
  $("step").addEventListener("input", (event) => show(Number(event.target.value)));
  $("back").addEventListener("click", () => page.index > 0 && show(page.index - 1));
  $("next").addEventListener("click", () => page.index < heaps.length - 1 && show(page.index + 1));
  $("steps").hidden = $("timeline-card").hidden = heaps.length < 2;
  window.addEventListener("resize", redraw);
}

// A trace has no heap: what is left of the page are its two charts.
function showTrace(trace) {
  $("trace-card").hidden = false;
  $("trace-words").textContent = `${trace.name}: ${plural(trace.created, "buffer")} created, ${count(trace.destroyed)} destroyed; at its peak ${plural(trace.peak_buffers, "buffer")}, ${bytes(trace.peak_bytes)}`;
  drawTrace($("trace"), trace);
  if (heaps.length > 0) return;
  for (const id of ["whole-card", "waste-card", "maps-card", "largest-card", "heaps-card", "pools-card", "past-card", "owners-card", "names-card", "counted-card", "words"]) $(id).hidden = true;
  $("search").hidden = true;
  $("title").textContent = trace.name;
  drawSizes($("sizes"), trace.sizes);
}

begin();
if (data.trace !== null) showTrace(data.trace);
if (heaps.length > 0) show(page.index);
