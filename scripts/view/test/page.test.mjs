// The page in headless Chromium, opened from disk: it shows what the dumps say, explains what is pointed at, finds addresses
// and names, zooms, and asks the network for nothing.
//
//   VIEW_DUMPS=FOLDER VIEW_BUILD=build/view node --test scripts/view/test/*.test.mjs
//
// FOLDER has heap-001.json and so on, and heap.html made of them; hostile, untold and odd, each as .json and .html; trace.html.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

const folder = resolve(process.env.VIEW_DUMPS);
const { chromium } = createRequire(join(resolve(process.env.VIEW_BUILD), "package.json"))("playwright-core");
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

const read = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));
const dumps = readdirSync(folder).filter((name) => /^heap-\d+\.json$/.test(name)).sort().map(read);
const last = dumps.at(-1);

let browser;
let page;
const trouble = [];

before(async () => {
  browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  page = await browser.newPage({ viewport: { width: 1500, height: 1000 } });
  page.on("console", (message) => message.type() === "error" && trouble.push(message.text()));
  page.on("pageerror", (error) => trouble.push(error.message));
  page.on("request", (request) => /^(file|data):/.test(request.url()) || trouble.push(`asked for ${request.url()}`));
});

after(async () => browser?.close());

const open = (name) => page.goto(pathToFileURL(join(folder, name)).href);
const text = (selector) => page.locator(selector).innerText();

// ---- What a dump says, the naive way ----

function rangesOf(dump) {
  return dump.blocks.flatMap((block) => {
    let offset = 0;
    return block.ranges.map((range) => {
      const placed = { block, range, offset };
      offset += range.size;
      return placed;
    });
  });
}

const live = (dump) => rangesOf(dump).filter(({ range }) => range.state === "live");

// Wide enough to be hit by the pointer, and not at an edge.
function visible(dump) {
  return live(dump).filter(({ block, range }) => range.size / block.size > 0.01 && range.name !== null);
}

function mib(bytes) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  for (; bytes >= 1024 && unit < 3; unit++) bytes /= 1024;
  return `${bytes.toFixed(unit === 0 || bytes >= 100 ? 0 : bytes >= 10 ? 1 : 2)} ${units[unit]}`;
}

async function pointAt({ block, range, offset }) {
  const canvas = page.locator(`canvas[data-block="${block.address}"]`);
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  const from = Number(await canvas.getAttribute("data-from"));
  const span = Number(await canvas.getAttribute("data-span"));
  await page.mouse.move(box.x + ((offset + range.size / 2 - from) / span) * box.width, box.y + box.height / 2);
  return canvas;
}

// ---- Tests ----

test("the tiles are the dump's totals", async () => {
  await open("heap.html");
  const tile = (name) => text(`[data-tile="${name}"]`);
  assert.ok((await tile("used")).includes(mib(last.total.used)));
  assert.ok((await tile("reserved")).includes(mib(last.total.reserved)));
  assert.ok((await tile("fragmentation")).includes(`${(100 * last.total.fragmentation).toFixed(1)} %`));
  assert.ok((await tile("peak")).includes(mib(last.total.peak_used.bytes)));
  const said = (await tile("used")).replace(/\u202f|\s/g, "");
  assert.ok(said.includes(`${last.total.allocations}allocation`));
});

test("each block has a row", async () => {
  await open("heap.html");
  const shown = await page.locator("canvas.map").evaluateAll((all) => all.map((canvas) => canvas.dataset.block));
  assert.deepEqual(shown.sort(), last.blocks.map((block) => block.address).sort());
});

test("a map has the colours of what is in the block", async () => {
  await open("heap.html");
  const busy = live(last).reduce((a, b) => (a.range.size / a.block.size > b.range.size / b.block.size ? a : b));
  const canvas = await pointAt(busy);
  const colourAt = (share) => canvas.evaluate((element, x) => {
    const at = Math.min(element.width - 1, Math.round(x * element.width));
    return [...element.getContext("2d").getImageData(at, 2, 1, 1).data.slice(0, 3)];
  }, share);
  const taken = await colourAt((busy.offset + busy.range.size / 3) / busy.block.size);
  assert.notDeepEqual(taken, [0x20, 0x26, 0x2e]);
  const hole = rangesOf(last).filter(({ range }) => range.state === "free").reduce((a, b) => (a.range.size > b.range.size ? a : b));
  const other = await pointAt(hole);
  const free = await other.evaluate((element, x) => [...element.getContext("2d").getImageData(Math.round(x * element.width), 2, 1, 1).data.slice(0, 3)],
    (hole.offset + hole.range.size / 2) / hole.block.size);
  assert.deepEqual(free, [0x20, 0x26, 0x2e]);
});

test("pointing at an allocation shows its address, owner and size", async () => {
  await open("heap.html");
  for (const wanted of visible(last).slice(0, 4)) {
    await pointAt(wanted);
    const said = await text("#tooltip");
    assert.ok(said.includes(wanted.range.address), `${wanted.range.address} in ${said}`);
    assert.ok(said.includes(wanted.range.name), `${wanted.range.name} in ${said}`);
    assert.ok(said.includes(wanted.range.handle));
  }
});

test("the wheel zooms at the pointer, a double click shows all again", async () => {
  await open("heap.html");
  const wanted = visible(last)[0];
  const canvas = await pointAt(wanted);
  const span = async () => Number(await canvas.getAttribute("data-span"));
  const whole = await span();
  assert.equal(whole, wanted.block.size);
  for (let i = 0; i < 5; i++) await page.mouse.wheel(0, -300);
  await page.waitForFunction(([address, most]) => Number(document.querySelector(`canvas[data-block="${address}"]`).dataset.span) < most,
    [wanted.block.address, whole / 5]);
  assert.ok((await text("#tooltip")).includes(wanted.range.address), "what was pointed at stays there");
  await canvas.dblclick();
  assert.equal(await span(), whole);
});

test("dragging moves a map that is zoomed", async () => {
  await open("heap.html");
  const wanted = visible(last)[0];
  const canvas = await pointAt(wanted);
  for (let i = 0; i < 3; i++) await page.mouse.wheel(0, -400);
  await page.waitForFunction((address) => Number(document.querySelector(`canvas[data-block="${address}"]`).dataset.from) > 0, wanted.block.address);
  const from = Number(await canvas.getAttribute("data-from"));
  const box = await canvas.boundingBox();
  await page.mouse.move(box.x + 300, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + 420, box.y + 10, { steps: 4 });
  await page.mouse.up();
  assert.ok(Number(await canvas.getAttribute("data-from")) < from);
});

test("an address finds the allocation that it lies in", async () => {
  await open("heap.html");
  for (const wanted of [live(last)[0], live(last).at(-1), live(last)[Math.floor(live(last).length / 2)]]) {
    const inside = BigInt(wanted.range.address) + BigInt(Math.floor(wanted.range.asked / 2));
    await page.fill("#search", `0x${inside.toString(16)}`);
    assert.ok((await text("#found")).includes(wanted.range.address));
    await page.press("#search", "Enter");
    const said = await text("#selected");
    assert.ok(said.includes(wanted.range.address) && said.includes(wanted.range.handle));
    const span = Number(await page.locator(`canvas[data-block="${wanted.block.address}"]`).getAttribute("data-span"));
    assert.ok(span <= Math.max(64, wanted.range.size * 5), "the map has gone there");
  }
});

test("a handle is found, and an address that is nobody's", async () => {
  await open("heap.html");
  await page.fill("#search", live(last)[3].range.handle);
  assert.ok((await text("#found")).includes(live(last)[3].range.address));
  await page.fill("#search", "0xdead0000beef");
  assert.ok((await text("#found")).includes("in no block"));
});

test("addresses, handles and names are found however they are written", async () => {
  await open("odd.html");
  const odd = read("odd.json");
  const wanted = live(odd).find(({ range }) => range.name?.startsWith("mesh") || range.name !== null);
  const digits = wanted.range.address.slice(2);
  const spellings = [`0x${digits.padStart(16, "0")}`, `0x0000${digits.padStart(16, "0")}`, digits, digits.toUpperCase(), digits.padStart(16, "0"),
    `0X${digits.toUpperCase()}`, `0x${digits.toUpperCase()}`, `  0x${digits}\t`, ` ${digits} `, wanted.range.handle.slice(2).toUpperCase(),
    `0X${wanted.range.handle.slice(2).padStart(16, "0")}`];
  for (const spelling of spellings) {
    await page.fill("#search", spelling);
    assert.ok((await text("#found")).includes(wanted.range.address), `“${spelling}” finds ${wanted.range.address}`);
    await page.press("#search", "Enter");
    assert.ok((await text("#selected")).includes(wanted.range.handle));
  }
  for (const spelling of ["/ABS/Rock", " /abs/ROCK ", "/Abs"]) {
    await page.fill("#search", spelling);
    assert.ok((await text("#found")).includes("/abs/rock"), `“${spelling}” finds the name`);
  }
  for (const nobody of ["face", "0xFACE", "zzz"]) {
    await page.fill("#search", nobody);
    assert.ok((await text("#found")).includes(nobody), `of “${nobody}” it says that there is none`);
  }
  await page.fill("#search", "   ");
  assert.ok(!(await page.locator("#found").isVisible()));
});

test("addresses are found plain and sign-extended, as tools write them", async () => {
  await open("high.html"); // whose addresses have bit 47 set
  const high = read("high.json");
  const wanted = live(high)[0];
  const plain = BigInt(wanted.range.address);
  for (const form of [plain, plain | 0xffff000000000000n]) {
    for (const spelling of [`0x${form.toString(16)}`, form.toString(16).toUpperCase()]) {
      await page.fill("#search", spelling);
      assert.ok((await text("#found")).includes(wanted.range.address), `${spelling} is ${wanted.range.address}`);
    }
  }
  const owner = high.history.frees[0];
  await page.fill("#search", `0x${(BigInt(owner.address) | 0xffff000000000000n).toString(16)}`);
  assert.ok((await text("#found")).includes(`freed: ${owner.name}`));
});

test("a name finds all that have it, and a click goes there", async () => {
  await open("heap.html");
  const wanted = live(last).find(({ range }) => range.name !== null);
  await page.fill("#search", wanted.range.name);
  const line = page.locator("#found .hit", { hasText: wanted.range.address });
  await line.click();
  assert.ok((await text("#selected")).includes(wanted.range.address));
  const prefix = wanted.range.name.split("/")[0];
  await page.fill("#search", prefix);
  const found = live(last).filter(({ range }) => range.name?.includes(prefix)).length;
  assert.equal(await page.locator("#found .hit").count(), Math.min(200, found));
});

test("what was freed last is told where it lay", async () => {
  await open("heap.html");
  const owner = [...last.history.frees].sort((a, b) => a.frees_ago - b.frees_ago)[0];
  await page.fill("#search", owner.address);
  assert.ok((await text("#found")).includes(`freed: ${owner.name}`));
});

test("maps are coloured by state, age and size, too", async () => {
  await open("heap.html");
  const wanted = visible(last)[0];
  const canvas = await pointAt(wanted);
  const pixels = () => canvas.evaluate((element) => element.toDataURL());
  const seen = new Set([await pixels()]);
  for (const mode of ["state", "age", "size"]) {
    await page.selectOption("#mode", mode);
    seen.add(await pixels());
  }
  assert.equal(seen.size, 4);
});

test("the timeline leads to each of the dumps", async () => {
  await open("heap.html");
  assert.ok(dumps.length > 1);
  assert.equal(await page.locator("#timeline canvas").count(), 1);
  await page.click("#back");
  assert.equal(await text("#which"), `${dumps.length - 1} of ${dumps.length}`);
  assert.ok((await text('[data-tile="used"]')).includes(mib(dumps.at(-2).total.used)));
  const box = await page.locator("#timeline").boundingBox();
  await page.mouse.click(box.x + 90, box.y + box.height / 2);
  assert.equal(await text("#which"), `1 of ${dumps.length}`);
});

test("the timeline is stacked by name, too", async () => {
  await open("heap.html");
  const pixels = () => page.locator("#timeline canvas").first().evaluate((element) => element.toDataURL());
  const before = await pixels();
  await page.selectOption("#by", "name");
  assert.notEqual(await pixels(), before);
});

test("what each prefix of names holds is told, and when it held the most", async () => {
  await open("heap.html");
  const sums = (dump) => {
    const all = new Map();
    for (const { range } of rangesOf(dump).filter(({ range }) => range.handle !== undefined)) {
      const prefix = range.name === null ? "without a name" : range.name.split("/")[0];
      all.set(prefix, (all.get(prefix) ?? 0) + range.size);
    }
    return all;
  };
  const rows = await page.locator("#names tbody tr").evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.innerText.trim())));
  const held = sums(last);
  assert.deepEqual(rows.map(([name]) => name).sort(), [...held.keys()].sort());
  const runs = dumps.map(sums);
  for (const row of rows) {
    const most = Math.max(...runs.map((run) => run.get(row[0]) ?? 0));
    assert.ok(row.at(-1).startsWith(mib(most)), `${row} has had ${mib(most)}`);
  }
});

test("what the library counted under prefixes is told, with peaks", async () => {
  await open("heap.html");
  const rows = await page.locator("#counted tbody tr").evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.innerText.trim())));
  assert.deepEqual(rows.map(([prefix]) => prefix), last.prefixes.map(({ prefix }) => prefix));
  for (const [i, { allocations, used, peak_used: peak }] of last.prefixes.entries()) {
    assert.equal(rows[i][1].replace(/\D/g, ""), String(allocations));
    assert.ok(rows[i][2].startsWith(mib(used)) && rows[i][3].startsWith(mib(peak.bytes)), `${rows[i]}`);
    assert.equal(rows[i][4].replace(/\D/g, ""), peak.frame > 0 ? String(peak.frame) : "");
  }
  await open("odd.html"); // of a library that told none
  assert.ok(!(await page.locator("#counted-card").isVisible()));
});

test("a map that is zoomed says what it shows", async () => {
  await open("heap.html");
  const wanted = visible(last)[0];
  const canvas = await pointAt(wanted);
  const ruler = canvas.locator("xpath=..").locator(".ruler");
  assert.ok(!(await ruler.isVisible()));
  await page.mouse.wheel(0, -600);
  await ruler.waitFor({ state: "visible" });
  const from = BigInt(wanted.block.address) + BigInt(Math.round(Number(await canvas.getAttribute("data-from"))));
  assert.ok((await ruler.innerText()).includes(`0x${from.toString(16)}`));
});

test("what waits is striped, so that no colour of a name is taken for it", async () => {
  if (!existsSync(join(folder, "10_renderer.html"))) return; // built without libpng
  await open("10_renderer.html");
  assert.ok((await text("#legend")).includes("pending"));
  assert.equal(await page.locator("#legend i.striped").count(), 1);
  for (const name of ["shadow map", "mesh", "scene", "material"]) assert.ok((await text("#names")).includes(name), name);
  assert.ok(!(await page.locator("#trouble").isVisible()));
});

// Each of them as a page would hold it that something else has filled in than bda_view, which refuses these.
test("a page of a broken dump says what is wrong, however early", async () => {
  const whole = readFileSync(join(folder, "hostile.html"), "utf8");
  const [before, data, behind] = whole.split(/(?<=id="data">)|(?=<\/script>\n<script>)/);
  const broken = {
    "no JSON": data.slice(0, data.length / 2),
    nothing: "",
    "no dumps": "{}",
    "a number for blocks": data.replace('"blocks":[', '"blocks":7,"was":['),
    "no total": data.replace('"total":', '"sum":'),
    "no address": data.replace(/("blocks":\[\{)"address":/, '$1"place":'),
    "a text for ranges": data.replace('"ranges":[', '"ranges":"none","were":['),
  };
  for (const [name, content] of Object.entries(broken)) {
    assert.notEqual(content, data, name);
    writeFileSync(join(folder, "broken.html"), before + content + behind);
    await open("broken.html");
    await page.waitForSelector("#trouble:visible");
    assert.match(await text("#trouble"), /^This page could not show all of its dump: ./, name);
    assert.ok(trouble.length > 0, name);
    trouble.length = 0;
  }
});

test("what threads keep, and what is nobody's, is told", async () => {
  await open("odd.html");
  assert.ok((await text('[data-tile="cached"]')).includes("kept by 1 thread "));
  assert.ok(!(await text("#whole-legend")).includes("rest"), "an older dump does not tell it");
  await open("rest.html");
  assert.ok((await text("#whole-legend")).includes(`rest, nobody's ${mib(read("rest.json").total.rest)}`));
});

test("a page that cannot be shown says so", async () => {
  await open("hostile.html");
  await page.evaluate(() => setTimeout(() => { throw new Error("on purpose"); }));
  await page.waitForSelector("#trouble:visible");
  assert.ok((await text("#trouble")).includes("on purpose"));
  assert.ok(trouble.pop().includes("on purpose"));
});

test("waste is told with its reason, and leads to its block", async () => {
  await open("heap.html");
  const rows = page.locator("#waste tbody tr");
  assert.ok((await rows.count()) > 0);
  assert.ok((await rows.first().innerText()).length > 60);
  await page.locator("#waste tr.hit").first().click();
  assert.ok(await page.locator("#selected-card").isVisible());
});

test("names and labels are text, whatever they hold", async () => {
  await open("hostile.html");
  const hostile = read("hostile.json");
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  const wanted = live(hostile).find(({ range }) => range.name?.includes("<"));
  await page.fill("#search", wanted.range.address);
  await page.press("#search", "Enter");
  assert.ok((await text("#selected")).includes(wanted.range.name));
});

test("a trace shows what was alive, and when", async () => {
  await open("trace.html");
  assert.ok((await text("#trace-words")).includes("created"));
  assert.equal(await page.locator("#trace canvas").count(), 1);
  assert.ok(!(await page.locator("#maps-card").isVisible()));
  assert.ok(!(await page.locator("#search").isVisible()), "there is nothing to find");
});

test("a dump without ranges says so, and looks for addresses in its blocks", async () => {
  await open("untold.html");
  const [block] = read("untold.json").blocks;
  assert.ok((await text("#maps-card")).includes("BDA_JSON_NO_RANGES_BIT"));
  await page.fill("#search", `0x${(BigInt(block.address) + 512n).toString(16)}`);
  assert.match(await text("#found"), new RegExp(`in block ${block.address}.*this dump has no ranges`));
  await page.press("#search", "Enter");
  for (const id of ["owners-card", "sizes-card", "names-card", "largest-card", "selected-card", "trouble"])
    assert.ok(!(await page.locator(`#${id}`).isVisible()), id);
  await open("heap.html");
  assert.ok(!(await page.locator("#untold").isVisible()));
});

test("a long name leaves the other columns in sight, and is told by pointing at it", async () => {
  await open("odd.html");
  if (await page.locator("#more-waste").isVisible()) await page.click("#more-waste");
  assert.ok((await text("#waste")).includes("LLLL"));
  const [what, why] = await page.locator("#waste tbody tr").first().evaluate((row) => [row.cells[1].offsetWidth, row.cells[2].offsetWidth]);
  assert.ok(what < why, `the reason has more room than what it is of: ${what}, ${why}`);
  for (const id of ["names", "largest"]) {
    const cell = page.locator(`#${id} [title^="LLLL"]`).first();
    if (id === "names") assert.equal((await cell.getAttribute("title")).length, 127);
    const box = await page.locator(`#${id}`).evaluate((table) => [table.scrollWidth, table.parentElement.clientWidth]);
    assert.ok(box[0] <= box[1], `${id} is ${box[0]} wide in ${box[1]}`);
  }
});

test("what is quarantined is not called pending, and a name that begins with a slash is one", async () => {
  await open("odd.html");
  const rows = await page.locator("#names tr").evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.innerText.trim())));
  const column = (name) => rows[0].indexOf(name);
  const held = rows.find(([name]) => name === "held");
  assert.equal(held[column("pending")], "0 B");
  assert.notEqual(held[column("quarantined")], "0 B");
  assert.equal(rows.filter(([name]) => name === "/abs/rock").length, 1);
  assert.ok((await page.locator("#legend span").evaluateAll((all) => all.map((one) => one.innerText))).every((word) => word.trim() !== ""));
});

test("frames that went back, caches that keep nothing, and limits are told as they are", async () => {
  await open("odd.html");
  await page.fill("#search", "/abs/rock");
  await page.press("#search", "Enter");
  assert.ok(!(await text("#selected")).includes("ago"));
  assert.ok((await text('[data-tile="cached"]')).includes("by 1 thread "));
  assert.ok((await text("#heaps")).includes("heap_limits") && !(await text("#heaps")).includes("80 %"));
});

test("nothing went wrong, and nothing was asked of the network", () => assert.deepEqual(trouble, []));
