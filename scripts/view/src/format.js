// Numbers and names as people read them.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(count) {
  let unit = 0;
  let value = count;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

export function percent(part, whole) {
  return whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : "–";
}

export function count(number) {
  return number.toString().replace(/\B(?=(\d{3})+$)/g, " ");
}

export function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

export function hex(address) {
  return `0x${address.toString(16)}`;
}

// "mesh" of "mesh/17/vertices"; what has no '/', or begins with it, is its own prefix.
export function prefixOf(name) {
  return name ? name.split("/")[0] || name : null;
}

// Names that differ in numbers alone are one kind: "mesh/#/vertices".
export function kindOf(name) {
  return name === null ? null : name.replace(/\d+/g, "#");
}
