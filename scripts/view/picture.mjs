// Takes the picture of docs/pictures/heap-view.png anew:
//
//   build/dev/bin/10_renderer --frames 24 --dump heap
//   scripts/view/bda_view heap-*.json -o heap.html
//   node scripts/view/picture.mjs heap.html docs/pictures/heap-view.png 23
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const build = join(dirname(fileURLToPath(import.meta.url)), "../../build/view/package.json");
const { chromium } = createRequire(build)("playwright-core");
const [page, picture, dump] = process.argv.slice(2);

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
const tab = await browser.newPage({ viewport: { width: 1360, height: 1440 } });
await tab.goto(pathToFileURL(resolve(page)).href);
await tab.fill("#step", dump ?? "0");
await tab.evaluate(() => document.activeElement.blur());
const rows = tab.locator("canvas.map");
const widest = await rows.evaluateAll((all) => all.findIndex((canvas) => canvas.map.block.sums.allocations > 28));
const row = rows.nth(Math.max(0, widest));
const at = await row.evaluate((canvas) => {
  const largest = canvas.map.block.ranges.filter((range) => range.state === "live").reduce((a, b) => (b.size > a.size ? b : a));
  return (largest.offset + largest.size / 2) / canvas.map.block.size;
});
const box = await row.boundingBox();
await tab.mouse.move(box.x + at * box.width, box.y + box.height / 2);
await tab.screenshot({ path: picture });
await browser.close();
