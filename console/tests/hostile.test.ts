// Names that would be scripts, that turn text around, or that are very long; and a cluster without traffic.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, open, serve } from "./support";

const MARKUP = '<img src=x onerror="globalThis.ran=1"><svg onload="globalThis.ran=1"><script>globalThis.ran=1';
const NAMES = [MARKUP, `turned\u202eback\u0007\u001b[31m`, "n".repeat(63_000), "javascript:globalThis.ran=1", "100%&#x3c;"];

function snapshot(flows: boolean): object {
  const application = (index: number) => `shop/${NAMES[index % NAMES.length]}`;
  return {
    version: 1,
    taken_at: 1_767_225_600,
    identity: "app",
    nodes: NAMES.map((name, index) => ({ name: `${name}${index}`, zone: index % 2 ? name : "zone", region: name })),
    pods: NAMES.flatMap((_, index) => [
      { name: `shop/first-${index}`, application: application(index), node: `${NAMES[index]}${index}`, labels: {} },
      { name: `shop/second-${index}`, application: application(index), node: `${NAMES[0]}0`, labels: {} },
    ]).concat([{ name: "shop/ghost-1", application: "shop/ghost", node: "gone", labels: {} }]),
    flows_at: 1_767_225_600,
    flows: flows
      ? [
          ...NAMES.map((_, index) => ({ source: application(index), destination: application(index + 1), bytes_per_second: 1e5 })),
          // To a node that is gone, and to pods that are nowhere.
          { source: application(3), destination: "shop/ghost", bytes_per_second: 2e5 },
          { source: application(3), destination: "shop/nowhere", bytes_per_second: 3e5 },
        ]
      : [],
  };
}

let browser: Browser;
let folder: string;

before(async () => {
  browser = await launch();
  folder = await mkdtemp(join(tmpdir(), "netmarks-console-"));
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

async function over(flows: boolean) {
  const file = join(folder, `${flows}.json`);
  await writeFile(file, JSON.stringify(snapshot(flows)));
  return serve("console", "--snapshot", file, "--listen", "127.0.0.1:0");
}

test("names from outside are text, in every view", async () => {
  const server = await over(true);
  const views = ["#/map", "#/map?as=tables", ...NAMES.flatMap((name, index) => [`#/map?application=${encodeURIComponent(`shop/${name}`)}`, `#/map?node=${encodeURIComponent(`${name}${index}`)}`])];
  for (const view of views.filter((one) => one.length < 60_000)) {
    const { page, complaints } = await open(browser, `${server.url}/${view}`);
    await page.getByText("stays on its node").waitFor();
    await page.locator("canvas, table").first().waitFor();
    assert.equal(await page.evaluate(() => (globalThis as unknown as { ran?: number }).ran), undefined, view);
    assert.equal(await page.locator("main img, main script").count(), 0, view);
    const text = await page.locator("body").innerText();
    assert.ok(!/[\u202e\u0007\u001b]/.test(text), view);
    assert.ok(text.length < 60_000, view);
    assert.deepEqual(complaints, [], view);
    await page.context().close();
  }
  await server.stop();
});

test("flows to a node that is gone, and to nobody, are shown as what they are", async () => {
  const server = await over(true);
  const { page, complaints } = await open(browser, `${server.url}/#/map?application=shop%2Fghost`);
  const ghost = page.getByRole("region", { name: "Application ghost" });
  await ghost.getByRole("link", { name: `shop/${NAMES[3]}` }).first().waitFor();
  await ghost.getByRole("link", { name: "gone" }).first().click();
  await page.getByRole("region", { name: "Node gone" }).getByText("Closed to new pods").waitFor();
  await page.goto(`${server.url}/#/map?application=shop%2Fnowhere`);
  const nowhere = page.getByRole("region", { name: "Application nowhere" });
  await nowhere.getByText("0 pods").waitFor();
  await nowhere.getByRole("link", { name: `shop/${NAMES[3]}` }).first().waitFor();
  assert.deepEqual(complaints, []);
  await page.context().close();
  await server.stop();
});

test("an address of nothing is said, not an empty page", async () => {
  const server = await over(true);
  for (const view of ["#/nothing", "#/map?node=gone", "#/map?application=gone", "#/map?at=1", "#/%E0%A4%A"]) {
    const { page } = await open(browser, `${server.url}/${view}`);
    await page.getByText("NetMARKS").waitFor();
    await page.locator(".notice, .none, .panel").first().waitFor();
    await page.context().close();
  }
  await server.stop();
});

test("without flows the page says what is missing", async () => {
  const server = await over(false);
  const { page, complaints } = await open(browser, server.url);
  await page.getByRole("heading", { name: "No traffic to show" }).waitFor();
  await page.getByText("netmarks doctor").waitFor();
  assert.deepEqual(complaints, []);
  await page.context().close();
  await server.stop();
});
