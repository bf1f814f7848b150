// The figures of the head: what crosses zones has a price, and with a filter they are those of what it leaves.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import type { Applications, ClusterMap, Totals } from "../src/api/types";
import { money, rate } from "../src/format";
import { focused, launch, open, SAMPLE, serve, type Server, tabTo } from "./support";

let browser: Browser;
let server: Server;

before(async () => {
  browser = await launch();
  // A file does not change, as a demo does.
  server = await serve("console", "--snapshot", SAMPLE, "--listen", "127.0.0.1:0");
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function map(query = ""): Promise<ClusterMap> {
  return (await fetch(`${server.url}/v1/map${query}`)).json() as Promise<ClusterMap>;
}

const across = (totals: Totals) => totals.across_zones + totals.across_regions;

test("a price a GB makes a price a month, with the keyboard alone, and stays in the browser", async () => {
  const seconds = (365.2425 / 12) * 86_400;
  const month = money((across((await map()).totals) * seconds * 0.02) / 1e9);
  const { page, complaints } = await open(browser, `${server.url}/#/map`);
  const button = page.locator(".totals").getByRole("button");
  await page.getByRole("button", { name: "set a price" }).waitFor();
  await tabTo(page, button);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "What does a GB across zones cost?" });
  await dialog.waitFor();
  assert.ok(await focused(dialog.getByLabel("Price per GB")));
  await page.keyboard.type("0.02");
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await button.innerText(), month);
  assert.ok(await focused(button), "where it was asked");

  await page.keyboard.press("Enter");
  await dialog.waitFor();
  await tabTo(page, dialog.getByRole("button", { name: "Cancel" }));
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.ok(await focused(button));

  await page.reload();
  await page.getByRole("button", { name: month, exact: true }).click();
  await dialog.getByLabel("Price per GB").fill("");
  await dialog.getByRole("button", { name: "Set", exact: true }).click();
  await page.getByRole("button", { name: "set a price" }).waitFor();
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("with a filter the head says that it is filtered, and the tables have the figures of the picture", async () => {
  const { page, complaints } = await open(browser, `${server.url}/#/map?as=tables`);
  const mark = page.getByText("filtered", { exact: true });
  const zones = (totals: Totals) => page.locator(".totals").getByText(rate(across(totals)), { exact: true });
  const all = await map();
  await zones(all.totals).waitFor();
  assert.equal(await mark.count(), 0);

  const least = "?at_least=100000";
  const listed = page.waitForResponse((response) => response.url().includes("/v1/applications?") && response.url().includes("at_least=100000"));
  await page.getByLabel("Flows").selectOption("100000");
  await mark.waitFor();
  const heavy = await map(least);
  assert.ok(across(heavy.totals) < across(all.totals));
  await zones(heavy.totals).waitFor();
  const list = (await (await listed).json()) as Applications;
  assert.deepEqual(list.items, heavy.applications.items);
  const table = page.getByRole("table", { name: "Applications" });
  for (const item of list.items) {
    const figures = [item.within_node, item.within_zone, across(item)].map(rate).join("");
    await table.getByRole("row").filter({ hasText: item.application }).filter({ hasText: figures }).waitFor();
  }

  await page.getByRole("link", { name: "Decisions", exact: true }).click();
  await mark.waitFor({ state: "detached" });
  await page.goto(`${server.url}/#/map?namespace=boutique`);
  await mark.waitFor();
  assert.deepEqual(complaints, []);
  await page.context().close();
});
