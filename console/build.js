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
  await build({
    entryPoints: { console: "src/main.tsx" },
    outdir: "dist",
    bundle: true,
    format: "esm",
    target: ["es2022"],
    minify: true,
    legalComments: "none",
    banner: { js: "/* Has preact: MIT License, Copyright (c) 2015-present Jason Miller */" },
    jsx: "automatic",
    jsxImportSource: "preact",
  });
  await build({ entryPoints: { console: "src/style/main.css" }, outdir: "dist", bundle: true, minify: true });
  for (const file of ["index.html", "icon.svg"]) await copyFile(`src/${file}`, `dist/${file}`);
}
