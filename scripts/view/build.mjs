// Builds the page's template, in which bda_view puts the data: one file, with the script, ECharts and the style in it.
//
//   node build.mjs FOLDER    FOLDER/node_modules has the packages; writes FOLDER/bda_view.html
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? join(here, "../../build/view"));
const { build } = createRequire(join(folder, "package.json"))("esbuild");

const result = await build({
  entryPoints: [join(here, "src/main.js")],
  nodePaths: [join(folder, "node_modules")],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  legalComments: "inline",
  write: false,
});

// A function, so that no `$&` in the script means anything; and nothing in it may end its element.
const fill = (text, mark, content) => text.replace(mark, () => content);
const script = result.outputFiles[0].text.replaceAll("</script", "<\\/script");
let page = readFileSync(join(here, "src/page.html"), "utf8");
page = fill(page, "/*STYLE*/", readFileSync(join(here, "src/style.css"), "utf8"));
page = fill(page, "/*SCRIPT*/", script);
writeFileSync(join(folder, "bda_view.html"), page);
