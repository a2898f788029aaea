// A dump as the page uses it: every range with its offset, looked up by address in a few steps.
//
// Addresses have 64 bits, so they are BigInt; a block's base is one, and offsets in a block are plain numbers.

import { hex, prefixOf } from "./format.js";

const SIGN = 0xffff800000000000n;

function readRanges(block) {
  let offset = 0;
  return (block.ranges ?? []).map((range) => {
    const placed = { ...range, offset, name: range.name ?? null, frame: range.frame ?? null };
    offset += range.size;
    return placed;
  });
}

// Without the bytes behind a block's last range that nobody can have.
export function ownBytes(range) {
  return range.size - (range.behind ?? 0);
}

// What a live one holds beyond what it asked for; where a dump lists but the end of one, that is not told.
export function padding(range) {
  return range.state === "live" ? Math.max(0, ownBytes(range) - range.asked) : 0;
}

function sumsOf(ranges) {
  const sums = { live: 0, asked: 0, free: 0, largestFree: 0, held: 0, allocations: 0 };
  for (const range of ranges) {
    if (range.state === "live") {
      sums.live += ownBytes(range);
      sums.asked += range.asked;
      sums.allocations++;
    } else if (range.state === "free") {
      sums.free += ownBytes(range);
      sums.largestFree = Math.max(sums.largestFree, ownBytes(range));
    } else {
      sums.held += ownBytes(range);
    }
  }
  return sums;
}

// What allocations hold, by prefix of their names ("" of those without one), the most first; freed ones, too, as long as
// their bytes are nobody else's.
function prefixesOf(blocks) {
  const sums = new Map();
  for (const block of blocks)
    for (const range of block.ranges) {
      if (range.handle === undefined) continue;
      const prefix = prefixOf(range.name) ?? "";
      const sum = sums.get(prefix) ?? sums.set(prefix, { allocations: 0, asked: 0, padding: 0, pending: 0, quarantined: 0, held: 0 }).get(prefix);
      sum.held += ownBytes(range);
      if (range.state === "pending" || range.state === "quarantined") sum[range.state] += ownBytes(range);
      if (range.state === "live") {
        sum.allocations++;
        sum.asked += range.asked;
        sum.padding += padding(range);
      }
    }
  return new Map([...sums].sort(([, a], [, b]) => b.held - a.held));
}

export function readDump(dump) {
  const pools = new Map(dump.pools.map((pool) => [pool.id, pool]));
  const blocks = dump.blocks.map((block, index) => {
    const ranges = readRanges(block);
    return { ...block, index, base: BigInt(block.address), ranges, sums: sumsOf(ranges), poolInfo: pools.get(block.pool) };
  });
  const past = (dump.history?.frees ?? []).map((owner) => ({ ...owner, base: BigInt(owner.address) }));
  past.sort((a, b) => a.frees_ago - b.frees_ago);
  const told = dump.blocks.every((block) => block.ranges !== undefined); // not so with BDA_JSON_NO_RANGES_BIT
  return { ...dump, told, pools, blocks, past, counted: dump.prefixes ?? [], prefixes: prefixesOf(blocks) };
}

// The range that an offset of a block lies in.
export function rangeAt(block, offset) {
  let low = 0;
  let high = block.ranges.length - 1;
  if (high < 0 || offset < 0 || offset >= block.size) return null;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (block.ranges[middle].offset <= offset) low = middle;
    else high = middle - 1;
  }
  return block.ranges[low];
}

// What people and tools write for 64 bits: 0x, 0X or nothing in front, zeros in front, digits of either case. null: none of that.
export function numberOf(text) {
  const digits = /^(?:0x)?0*([0-9a-f]{1,16})$/i.exec(text);
  return digits === null ? null : BigInt(`0x${digits[1]}`);
}

// Plain or sign-extended from bit 47, as tools and kernels write addresses.
function formsOf(address) {
  const high = address >> 47n;
  if (high === 1n) return [address, address | SIGN];
  return high === 0x1ffffn ? [address, address & ~SIGN | (1n << 47n)] : [address];
}

export function findAddress(heap, address) {
  for (const form of formsOf(address)) {
    const block = heap.blocks.find((b) => form >= b.base && form < b.base + BigInt(b.size));
    if (block !== undefined) return { block, range: rangeAt(block, Number(form - block.base)), address: form };
  }
  return null;
}

export function findNames(heap, text, most) {
  const wanted = text.toLowerCase();
  const found = [];
  for (const block of heap.blocks)
    for (const range of block.ranges)
      if (range.name !== null && range.name.toLowerCase().includes(wanted) && found.length < most) found.push({ block, range });
  return found;
}

export function pastOwners(heap, address) {
  const forms = formsOf(address);
  return heap.past.filter((owner) => forms.some((form) => form >= owner.base && form < owner.base + BigInt(owner.size)));
}

export function pastHandles(heap, handle) {
  return heap.past.filter((owner) => owner.handle === hex(handle));
}

export function pastNames(heap, text, most) {
  const wanted = text.toLowerCase();
  return heap.past.filter((owner) => owner.name !== null && owner.name.toLowerCase().includes(wanted)).slice(0, most);
}

// A handle as the library hands it out.
export function findHandle(heap, handle) {
  const wanted = hex(handle);
  for (const block of heap.blocks)
    for (const range of block.ranges) if (range.handle === wanted) return { block, range, address: block.base + BigInt(range.offset) };
  return null;
}
