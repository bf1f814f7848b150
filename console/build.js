// Builds the page into dist/, which is committed: `cargo build` embeds it and needs no Node. `node build.js tests` bundles the tests
// into build/ instead. The same sources give the same bytes.

import { build } from "esbuild";
import { copyFile, mkdir, readdir, rm } from "node:fs/promises";

const tests = process.argv[2] === "tests";
const folder = tests ? "build" : "dist";
await rm(folder, { recursive: true, force: true });
await mkdir(folder);

if (tests) {
  const files = (await readdir("tests")).filter((name) => name.endsWith(".test.ts") || name === "screenshot.ts");
  await build({
    entryPoints: files.map((name) => `tests/${name}`),
    outdir: "build/tests",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    sourcemap: "inline",
    jsx: "automatic",
    jsxImportSource: "preact",
  });
} else {
  // The console, and its map alone for pages that have their figures in them, where a script is no module.
  for (const [entryPoints, format] of [
    [{ console: "src/main.tsx" }, "esm"],
    [{ still: "src/still.tsx" }, "iife"],
  ]) {
    await build({
      entryPoints,
      outdir: "dist",
      bundle: true,
      format,
      target: ["es2022"],
      minify: true,
      legalComments: "none",
      banner: { js: "/* Has preact: MIT License, Copyright (c) 2015-present Jason Miller */" },
      jsx: "automatic",
      jsxImportSource: "preact",
    });
  }
  const styles = { console: "src/style/main.css", still: "src/style/still.css" };
  await build({ entryPoints: styles, outdir: "dist", bundle: true, minify: true });
  for (const file of ["index.html", "icon.svg"]) await copyFile(`src/${file}`, `dist/${file}`);
}
