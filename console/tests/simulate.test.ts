// The page of `netmarks simulate --html`: one file, with the console's own maps in it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { launch, open, program } from "./support";

test("the file of a simulation draws its maps without a server", async () => {
  const folder = await mkdtemp(join(tmpdir(), "netmarks-console-"));
  const file = join(folder, "report.html");
  await promisify(execFile)(program(), ["simulate", "--repetitions", "2", "--html", file]);
  const browser = await launch();
  try {
    const { page, complaints } = await open(browser, pathToFileURL(file).href);
    const maps = page.getByRole("application");
    await maps.nth(1).waitFor();
    assert.equal(await maps.count(), 2);
    assert.match((await maps.first().getAttribute("aria-label")) ?? "", /Map: \d+ nodes in 3 zones/);
    // More than one colour: it is drawn.
    const colours = await maps.first().evaluate((element) => {
      const canvas = element as HTMLCanvasElement;
      const data = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      const seen = new Set<string>();
      for (let at = 0; at < data.length; at += 4 * 97) seen.add([data[at], data[at + 1], data[at + 2]].join());
      return seen.size;
    });
    assert.ok(colours > 10, `${colours} colours`);
    await maps.first().focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.getByText(/stays here, \d+ pods/).first().waitFor({ state: "attached" });
    await page.getByRole("button", { name: "frontend", exact: true }).first().click();
    await page.getByText("Nodes as a table").first().click();
    await page.getByRole("table", { name: /^Nodes/ }).first().waitFor();
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  }
});
