// No serious findings of axe in any view, light and dark, wide and narrow; and what the views look like is kept as pictures.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { demo, launch, open, type Server } from "./support";

/** Each view's address, and what is done there before it is looked at. */
const VIEWS: Record<string, [string, ((page: Page) => Promise<void>)?]> = {
  map: ["#/map"],
  filtered: ["#/map?namespace=boutique&at_least=1000"],
  tables: ["#/map?as=tables"],
  node: ["#/map?node=node-a1"],
  application: ["#/map?application=boutique%2Ffrontend"],
  decisions: ["#/decisions"],
  decision: [
    "#/decisions",
    async (page) => {
      await page.getByRole("row").filter({ hasText: /node-/ }).first().getByRole("link").click();
      await page.getByRole("heading", { name: /^Candidates/ }).waitFor();
    },
  ],
  policies: ["#/policies"],
  price: ["#/map", (page) => asked(page, "set a price")],
  push: ["#/policies", (page) => asked(page, "Push a policy")],
  weigh: ["#/policies", (page) => asked(page, "Weigh")],
  remove: ["#/policies", (page) => asked(page, "Remove")],
};

/** Opens the dialog of a button. */
async function asked(page: Page, button: string): Promise<void> {
  await page.getByRole("button", { name: button }).first().click();
  await page.getByRole("dialog").waitFor();
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser: Browser;
let server: Server;

before(async () => {
  browser = await launch();
  server = await demo();
  await mkdir("build/pictures", { recursive: true });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const [name, [view, act]] of Object.entries(VIEWS)) {
  for (const [look, options] of Object.entries({ light: { width: 1280 }, dark: { width: 1280, dark: true }, narrow: { width: 390, height: 844 } })) {
    test(`${name}, ${look}`, async () => {
      const { page, complaints } = await open(browser, `${server.url}/${view}`, options);
      await page.locator("canvas, table, article").first().waitFor();
      await page.getByText("stays on its node").waitFor();
      await act?.(page);
      await page.screenshot({ path: `build/pictures/${name}-${look}.png` });
      // Through the debugger, not through the page's own policy for content.
      await page.evaluate(axe);
      const found = await page.evaluate(() => (globalThis as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run());
      const serious = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      assert.deepEqual(
        serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("\n")}`),
        [],
      );
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${wide} pixels are beyond the right edge`);
      assert.deepEqual(complaints, []);
      await page.context().close();
    });
  }
}
