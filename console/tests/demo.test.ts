// The page over `netmarks demo`, in a browser: what an operator does with it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { demo, launch, open, sent, type Server } from "./support";

let browser: Browser;
let server: Server;

before(async () => {
  browser = await launch();
  server = await demo();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("the first page is small, paints soon, and runs nothing from elsewhere", async () => {
  const sizes = await Promise.all(
    ["", "console.js", "console.css", "icon.svg"].map(async (file) => {
      const answer = await fetch(`${server.url}/${file}`);
      assert.match(answer.headers.get("content-security-policy") ?? "", /default-src 'self'/);
      return Promise.all(["gzip", "br"].map((coding) => sent(`${server.url}/${file}`, coding)));
    }),
  );
  const [all, brotli] = [0, 1].map((coding) => sizes.reduce((sum, size) => sum + (size[coding] ?? 0), 0));
  const { page, complaints } = await open(browser, `${server.url}/#/map`);
  await page.getByRole("application").waitFor();
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN);
  console.log(`first page: ${all} bytes gzip, ${brotli} brotli (html, script, style, icon: ${sizes.map((size) => size.join("/")).join(", ")}); first contentful paint ${paint.toFixed(0)} ms`);
  assert.ok((all ?? Infinity) <= 60_000);
  assert.ok(paint < 1_000);
  const origins = await page.evaluate(() => performance.getEntriesByType("resource").map((entry) => new URL(entry.name).origin));
  assert.deepEqual([...new Set(origins)], [server.url]);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("a flow is found: search, application, its node", async () => {
  const { page, complaints } = await open(browser, server.url);
  await page.keyboard.press("/");
  await page.keyboard.type("frontend");
  await page.getByRole("option", { name: "boutique/frontend" }).waitFor();
  await page.keyboard.press("Enter");
  const panel = page.getByRole("region", { name: "Application frontend" });
  await panel.getByRole("link", { name: "boutique/productcatalogservice" }).first().waitFor();
  assert.match(page.url(), /application=boutique%2Ffrontend/);
  await panel.getByText("Where its next replica would be best").waitFor();
  await panel.getByRole("table", { name: "Where it runs" }).getByRole("link").first().click();
  await page.getByRole("region", { name: /^Node node-/ }).getByText(/ of .+ stays here$/).waitFor();
  await page.getByLabel("Find an application or a node").fill("node-c2");
  await page.getByRole("option", { name: "node-c2" }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "Node node-c2" }).waitFor();
  // The address alone shows the same.
  const again = await open(browser, page.url());
  await again.page.getByRole("region", { name: /^Node node-/ }).waitFor();
  assert.deepEqual([...complaints, ...again.complaints], []);
  await again.page.context().close();
  await page.context().close();
});

test("a time of the history has an address of its own, and the page says that it is not now", async () => {
  const history = (await (await fetch(`${server.url}/v1/history`)).json()) as { newest: number };
  const { page, complaints } = await open(browser, `${server.url}/#/map?at=${history.newest}`);
  await page.getByText("This is the cluster at").waitFor();
  await page.getByRole("application").waitFor();
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("the tables have what the picture has", async () => {
  const { page, complaints } = await open(browser, `${server.url}/#/map`);
  await page.getByRole("button", { name: "Tables" }).click();
  const nodes = page.getByRole("table", { name: "Nodes", exact: true });
  await nodes.getByRole("link", { name: "node-a1" }).waitFor();
  assert.equal(await nodes.getByRole("row").count(), 7);
  await nodes.getByRole("button", { name: "pods" }).click();
  assert.equal(await nodes.getByRole("columnheader", { name: "pods" }).getAttribute("aria-sort"), "descending");
  await page.getByLabel("Flows").selectOption("1000000");
  await page.waitForURL(/at_least=1000000/);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("a decision opens into candidates and peers", async () => {
  const { page, complaints } = await open(browser, `${server.url}/#/decisions`);
  const scored = page.getByRole("row").filter({ hasText: /node-/ }).first();
  await scored.getByRole("link").click();
  const panel = page.getByRole("region", { name: /^Decision / });
  await panel.getByRole("heading", { name: "Candidates" }).waitFor();
  await panel.getByRole("link", { name: "netmarks" }).first().waitFor();
  assert.match(page.url(), /#\/decisions\/./);
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "detached" });
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("a policy is pushed, activated and rolled back", async () => {
  const { page, complaints } = await open(browser, `${server.url}/#/policies`);
  await page.getByRole("button", { name: "Push a policy" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Component").setInputFiles("../policies/spread.wasm");
  await dialog.getByRole("button", { name: "Push", exact: true }).click();
  await dialog.waitFor({ state: "detached" });
  const spread = page.getByRole("article", { name: "Policy spread" });
  await spread.getByText("shadow", { exact: true }).waitFor();
  await spread.getByRole("button", { name: "Activate" }).click();
  await dialog.getByText("it makes 50% of the score").waitFor();
  await dialog.getByRole("button", { name: "Do it" }).click();
  await spread.getByText("active", { exact: true }).waitFor();
  await spread.getByRole("button", { name: "Weigh" }).click();
  await dialog.getByLabel("Weight").fill("3");
  await dialog.getByText("it makes 75% of the score (now 50%)").waitFor();
  await dialog.getByRole("button", { name: "Do it" }).click();
  await spread.getByText("75% of the score").waitFor();
  await page.getByRole("heading", { name: "What answered before" }).waitFor();
  await page.getByRole("listitem").filter({ hasText: /^Generation \d+ .*spread, weight 1/ }).first().waitFor();
  await page.getByRole("button", { name: "Roll back" }).click();
  await dialog.getByText("answer again").waitFor();
  await dialog.getByRole("button", { name: "Roll back" }).click();
  await spread.getByText("50% of the score").waitFor();
  // The other weight is another revision, and it is still there.
  await spread.getByText("which is ready beside this one").waitFor();
  await spread.getByRole("button", { name: "Remove" }).click();
  await dialog.getByRole("button", { name: "Remove" }).click();
  await spread.first().waitFor({ state: "detached" });
  // What would leave nothing active needs a second yes.
  await page.getByRole("article", { name: "Policy netmarks" }).getByRole("button", { name: "Shadow" }).click();
  assert.ok(await dialog.getByRole("button", { name: "Do it" }).isDisabled());
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("time and memory of each policy's calls are drawn", async () => {
  const { page, complaints } = await open(browser, `${server.url}/#/policies`);
  const card = page.getByRole("article", { name: "Policy netmarks" });
  await card.getByText(/^\d.* now, .* at most$/).first().waitFor();
  await card.getByText("Memory", { exact: true }).waitFor();
  // A line needs two steps of twenty seconds with calls in them; the demo asks every twelve.
  await card.getByRole("img", { name: /^Mean time of a call/ }).waitFor();
  await card.getByRole("img", { name: /^Most memory of a call.* [KM]iB/ }).waitFor();
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("a component is dropped, and one that is none is refused in words", async () => {
  const { page } = await open(browser, `${server.url}/#/policies`);
  await page.getByRole("article", { name: "Policy netmarks" }).waitFor();
  const data = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["no component"], "Mine Own.wasm", { type: "application/wasm" }));
    return transfer;
  });
  await page.dispatchEvent(".policies", "drop", { dataTransfer: data });
  const dialog = page.getByRole("dialog");
  assert.equal(await dialog.getByLabel("Name").inputValue(), "mine-own");
  await dialog.getByRole("button", { name: "Push", exact: true }).click();
  await dialog.getByRole("alert").getByText("mine-own").waitFor();
  await page.context().close();
});

test("everything is reached with the keyboard alone", async () => {
  const { page, complaints } = await open(browser, `${server.url}/#/map`);
  const map = page.getByRole("application");
  await map.waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("role") ?? document.activeElement?.textContent ?? "");
  let steps = 0;
  while ((await focused()) !== "application") {
    await page.keyboard.press("Tab");
    steps += 1;
    assert.ok(steps < 30, "the map is not reached");
  }
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  const panel = page.getByRole("region", { name: /^Node / });
  await panel.waitFor();
  await page.waitForFunction(() => document.activeElement?.tagName === "H2");
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "detached" });
  assert.equal(await focused(), "application", "where the node was opened");
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("the server is lost, and comes back", async () => {
  const lost = await demo();
  const listen = new URL(lost.url).host;
  const { page } = await open(browser, `${lost.url}/#/decisions`);
  const links = page.getByRole("rowheader").getByRole("link");
  const addresses = () => links.evaluateAll((all) => all.map((link) => link.getAttribute("href") ?? ""));
  /** The address of a decision without its number: that of all of its process. */
  const run = (address: string) => address.split("-", 1)[0] ?? "";
  await page.getByText("live", { exact: true }).waitFor();
  await links.first().waitFor();
  await lost.stop();
  await page.getByText("The server has not answered since").waitFor();
  const before = await addresses();
  const back = await demo(listen);
  await page.getByText("The server is back after").waitFor();
  await page.getByText("live", { exact: true }).waitFor();
  const [old] = before.map(run);
  assert.ok(old && before.every((address) => run(address) === old), before.join());
  await page.locator(`tbody th a:not([href^="${old}-"])`).first().waitFor();
  const after = await addresses();
  assert.ok(before.every((address) => after.includes(address)), "decisions of before are kept");
  await page.context().close();
  await back.stop();
});
