// What colour a range has: by its name, its state, its age, its size. Free is dark and quiet in all of them, so that
// what is taken is what is seen.

import { kindOf, prefixOf } from "./format.js";

export const STATES = {
  live: { colour: "#4f9cf9", text: "live: an allocation" },
  pending: { colour: "#f2b134", text: "pending: freed by bda_free_after, not collected yet" },
  cached: { colour: "#9d7bea", text: "cached: kept by a thread for its next requests" },
  retired: { colour: "#e07a9a", text: "retired: being freed at this moment" },
  quarantined: { colour: "#e2583e", text: "quarantined: kept from use to catch late accesses" },
  free: { colour: "#20262e", text: "free" },
  gone: { colour: "#5a2a2a", text: "gone: its block went back to the driver meanwhile" },
};

const FREE = STATES.free.colour;
export const UNNAMED = "#7d8896";
const UNKNOWN = "#596573";

// Far apart on the wheel, and the same for the same name in every dump.
const PALETTE = [
  "#4f9cf9", "#f28e2c", "#59c28b", "#e15f8f", "#c4a5f5", "#edc948", "#4fc9c4", "#ff8f7a",
  "#8fd14f", "#a0794f", "#d37295", "#86bcf2", "#b6992d", "#5f8f8a", "#fabfd2", "#9c9ede",
];

// Kinds of one prefix are shades of its colour.
function shade(colour, step) {
  const by = [0, 0.3, -0.24, 0.5, -0.4][step % 5];
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return `#${parts.map((c) => Math.round(by > 0 ? c + (255 - c) * by : c * (1 + by)).toString(16).padStart(2, "0")).join("")}`;
}

// How much each prefix of names holds, and each kind of it, over all dumps: who holds more comes first.
function heldBy(heaps) {
  const held = new Map();
  for (const heap of heaps)
    for (const block of heap.blocks)
      for (const { name, size } of block.ranges)
        if (name !== null) {
          const prefix = prefixOf(name);
          const entry = held.get(prefix) ?? held.set(prefix, { bytes: 0, kinds: new Map() }).get(prefix);
          entry.bytes += size;
          entry.kinds.set(kindOf(name), (entry.kinds.get(kindOf(name)) ?? 0) + size);
        }
  return [...held].sort(([, a], [, b]) => b.bytes - a.bytes);
}

export class NameColours {
  constructor(heaps) {
    this.prefixes = new Map();
    this.kinds = new Map();
    heldBy(heaps).forEach(([prefix, entry], i) => {
      const colour = PALETTE[i % PALETTE.length];
      this.prefixes.set(prefix, colour);
      const kinds = [...entry.kinds].sort(([, a], [, b]) => b - a);
      kinds.forEach(([kind], k) => this.kinds.set(kind, shade(colour, k)));
    });
  }

  ofPrefix(prefix) {
    return this.prefixes.get(prefix) ?? UNNAMED;
  }

  ofKind(kind) {
    return this.kinds.get(kind) ?? UNNAMED;
  }
}

// Young is warm, old is cold; the steps are powers of two of frames.
const AGES = ["#ffd166", "#f9a65a", "#ee7b5e", "#d65780", "#a94a9e", "#7547a8", "#4a4a9c", "#345083", "#2d5670"];

function ageStep(age) {
  return Math.min(AGES.length - 1, Math.floor(Math.log2(Math.max(1, age + 1))));
}

function ageText(step) {
  const from = 2 ** step - 1;
  if (step === 0) return "of this frame";
  return step === AGES.length - 1 ? `${from} frames old or older` : `${from} to ${2 * from} frames old`;
}

const SIZES = ["#3b4f8f", "#3f6fb5", "#3f90c2", "#45b0b8", "#5fc796", "#9fd35f", "#e0d04a", "#f2a03a"];

function sizeStep(size) {
  return Math.max(0, Math.min(SIZES.length - 1, Math.floor((Math.log2(size) - 6) / 2.5)));
}

// Dark on light colours, light on dark ones (the weights of Rec. 709).
export function inkOn(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 105 ? "rgba(0,0,0,0.85)" : "rgba(255,255,255,0.9)";
}

const isStriped = (state) => state !== "live" && state !== "free";

export function colourOf(range, mode, names, frame) {
  if (range.state === "free") return FREE;
  if (mode === "state" || range.state === "gone") return STATES[range.state].colour;
  if (mode === "size") return SIZES[sizeStep(range.size)];
  if (range.state !== "live") return STATES[range.state].colour;
  if (mode === "age") return range.frame === null || range.frame > frame ? UNKNOWN : AGES[ageStep(frame - range.frame)];
  return names.ofKind(kindOf(range.name));
}

// What the legend says: [colour, text, key, striped], the key of names only.
export function legendOf(mode, names, heap) {
  const states = new Set();
  for (const block of heap.blocks) for (const range of block.ranges) states.add(range.state);
  const present = Object.keys(STATES).filter((key) => states.has(key));
  if (mode === "state") return present.map((key) => [STATES[key].colour, STATES[key].text, null, isStriped(key)]);
  if (mode === "age") {
    const steps = AGES.map((colour, i) => [colour, ageText(i), null]);
    return [...steps, [UNKNOWN, "not known: no name, no user value, no bda_set_frame, or it went back", null], [FREE, "free", null]];
  }
  if (mode === "size") {
    const texts = ["to 512 B", "2 KiB", "16 KiB", "64 KiB", "512 KiB", "2 MiB", "16 MiB", "more"];
    return [...SIZES.map((colour, i) => [colour, texts[i], null]), [FREE, "free", null]];
  }
  const used = new Set();
  for (const block of heap.blocks) for (const range of block.ranges) if (range.state === "live") used.add(prefixOf(range.name));
  const named = [...names.prefixes].filter(([prefix]) => used.has(prefix)).map(([prefix, colour]) => [colour, prefix, prefix]);
  const unnamed = used.has(null) ? [[UNNAMED, "without a name", ""]] : [];
  const others = present.filter((key) => key !== "live").map((key) => [STATES[key].colour, STATES[key].text, null, isStriped(key)]);
  return [...named, ...unnamed, ...others];
}
