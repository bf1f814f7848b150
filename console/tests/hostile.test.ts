// Names that would be scripts, that turn text around, or that are very long; and a cluster without traffic.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, open, prioritize, serve, serveOver } from "./support";

const MARKUP = '<img src=x onerror="globalThis.ran=1"><svg onload="globalThis.ran=1"><script>globalThis.ran=1';
const TURNED = "turned\u202eback\u0007\u001b[31m";
/** In an address, a percent sign has three characters. */
const PERCENT = "%".repeat(30_000);
const NAMES = [MARKUP, TURNED, "n".repeat(63_000), "javascript:globalThis.ran=1", "100%&#x3c;", PERCENT];

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

async function written(flows: boolean): Promise<string> {
  const file = join(folder, `${flows}.json`);
  await writeFile(file, JSON.stringify(snapshot(flows)));
  return file;
}

async function over(flows: boolean) {
  return serve("console", "--snapshot", await written(flows), "--listen", "127.0.0.1:0");
}

/** Nothing that came as a name is obeyed or hidden, and no name fills the page. */
async function assertText(page: Page, view: string): Promise<void> {
  assert.equal(await page.evaluate(() => (globalThis as unknown as { ran?: number }).ran), undefined, view);
  assert.equal(await page.locator("main img, main script").count(), 0, view);
  const text = await page.locator("body").innerText();
  assert.ok(!/[\u202e\u0007\u001b]/.test(text), view);
  assert.ok(text.length < 60_000, view);
}

test("names from outside are text, in every view", async () => {
  const server = await over(true);
  const views = ["#/map", "#/map?as=tables", ...NAMES.flatMap((name, index) => [`#/map?application=${encodeURIComponent(`shop/${name}`)}`, `#/map?node=${encodeURIComponent(`${name}${index}`)}`])];
  // The longest are opened below.
  for (const view of views.filter((one) => one.length < 60_000)) {
    const { page, complaints } = await open(browser, `${server.url}/${view}`);
    await page.getByText("stays on its node").waitFor();
    await page.locator("canvas, table").first().waitFor();
    await assertText(page, view);
    assert.deepEqual(complaints, [], view);
    await page.context().close();
  }
  await server.stop();
});

test("an application of a very long name is opened, or the page says why not", async () => {
  const server = await over(true);
  const { page, complaints } = await open(browser, `${server.url}/#/map?as=tables`);
  const applications = page.getByRole("table", { name: /^Applications/ });
  for (const letter of ["n", "%"]) {
    const name = new RegExp(`^shop/${letter}{100}`);
    await applications.getByRole("link", { name }).click();
    const panel = page.getByRole("region", { name: new RegExp(`^Application ${letter}{100}`) });
    await panel.locator(".lead, .notice").first().waitFor();
    await assertText(page, letter);
    await panel.getByRole("button", { name: "Close" }).click();
    await panel.waitFor({ state: "detached" });
  }
  // Such a request is not made: the server reads no head of 90 kB.
  await page.evaluate((name) => (window.location.hash = `#/map?application=${encodeURIComponent(name)}`), `shop/${PERCENT}`);
  await page.getByText("its name is too long to be asked for").waitFor();
  await applications.waitFor({ state: "detached" });
  await page.getByRole("application").waitFor();
  assert.equal(await page.getByText("has not answered").count(), 0, "the server is not lost");
  // What the server does not know under a name that it shortened, it may refuse.
  assert.deepEqual(
    complaints.filter((complaint) => !complaint.includes("status of 404")),
    [],
  );
  await page.context().close();
  await server.stop();
});

test("a pod whose name would be a script is text among the decisions, and in the one about it", async () => {
  const server = await serveOver(await written(true));
  const [node, other] = [`${NAMES[3]}3`, `${NAMES[4]}4`];
  for (const name of [MARKUP, TURNED]) await prioritize(server, `shop/${name}`, NAMES[3] ?? "", [node, other]);
  const { page, complaints } = await open(browser, `${server.url}/#/decisions`);
  for (const shown of [MARKUP, "turned\\u{202e}back\\u{7}\\u{1b}[31m"]) {
    await page.getByRole("rowheader").getByRole("link", { name: `shop/${shown}` }).click();
    const panel = page.getByRole("region", { name: `Decision ${shown}` });
    await panel.getByRole("heading", { name: "Candidates" }).waitFor();
    await panel.getByRole("link", { name: other }).first().waitFor();
    await assertText(page, shown);
  }
  assert.deepEqual(complaints, []);
  await page.context().close();
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
  await page.getByText("the snapshot has no flows").waitFor();
  assert.equal(await page.getByText("netmarks doctor").count(), 0, "there is nothing to examine behind a file");
  assert.deepEqual(complaints, []);
  await page.context().close();
  await server.stop();
});
