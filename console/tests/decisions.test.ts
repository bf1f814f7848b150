// Decisions about pods of the sample: filtered, shared by a link, read with the keyboard alone; and what a policy says that fails.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { focused, launch, open, prioritize, SAMPLE, serveOver, type Server, tabTo } from "./support";

const NODES = ["node-a1", "node-a2", "node-b1", "node-b2", "node-c1", "node-c2"];

/** A pod of each outcome: the sample has all but the last one, and `emailservice` talks to no pod that runs. */
const PODS = {
  agrees: "boutique/redis-cart-cmz5f2t54l-fgmtr",
  differs: "boutique/productcatalogservice-t5rw685brg-qjnhz",
  empty: "boutique/emailservice-tc2wwgp5zh-krx49",
  unknown: "boutique/frontend-cbbfxvxd8p-new01",
};

type Outcome = keyof typeof PODS;

/** What `cargo xtask guests` builds for tests of policies that misbehave. */
const HOSTILE = "../target/guests/hostile.wasm";

let browser: Browser;
let server: Server;

/** Asks for a pod as the sample names them: after its application. */
function ask(server: Server, pod: string): Promise<void> {
  return prioritize(server, pod, pod.replace("boutique/", "").replace(/-[^-]+-[^-]+$/, ""), NODES);
}

const row = (page: Page, outcome: Outcome) => page.getByRole("row").filter({ hasText: PODS[outcome].replace("boutique/", "") });

/** Waits until the list has these decisions and no others. */
async function lists(page: Page, outcomes: Outcome[]): Promise<void> {
  for (const outcome of Object.keys(PODS) as Outcome[]) await row(page, outcome).waitFor({ state: outcomes.includes(outcome) ? "attached" : "detached" });
}

before(async () => {
  browser = await launch();
  server = await serveOver(SAMPLE);
  for (const pod of Object.values(PODS)) await ask(server, pod);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("decisions are filtered, and a link shows another operator the same", async () => {
  const { page, complaints } = await open(browser, `${server.url}/#/decisions`);
  const all = Object.keys(PODS) as Outcome[];
  await lists(page, all);
  // Where the pods went is seen a moment later.
  await row(page, "agrees").getByText("there", { exact: true }).waitFor();
  await row(page, "differs").getByText("node-a2", { exact: true }).waitFor();
  assert.equal(await row(page, "empty").getByText("no preference").count(), 1);
  const outcomes = page.getByLabel("Outcome");
  for (const outcome of all) {
    await outcomes.selectOption(outcome);
    await page.waitForURL(new RegExp(`outcome=${outcome}`));
    await lists(page, [outcome]);
  }
  await outcomes.selectOption("");
  await page.getByLabel("Asked by").selectOption("admission");
  await lists(page, []);
  await page.getByText("None of them matches.").waitFor();
  await page.getByLabel("Asked by").selectOption("extender");
  await page.getByLabel("Part of a pod, application or node").fill("redis");
  await page.waitForURL(/search=redis/);
  await lists(page, ["agrees"]);

  // From an application to the decisions about it, and to one of them.
  await page.goto(`${server.url}/#/map?application=boutique%2Fproductcatalogservice`);
  await page.getByRole("link", { name: "Decisions about this application" }).click();
  const chip = page.getByRole("button", { name: "application boutique/productcatalogservice" });
  await chip.waitFor();
  await lists(page, ["differs"]);
  await row(page, "differs").getByRole("link").click();
  const opened = page.getByRole("region", { name: /^Decision productcatalogservice-/ });
  await opened.getByText("Filters and the scheduler's other plugins have a say.").waitFor();

  const other = await open(browser, page.url());
  await other.page.getByRole("region", { name: /^Decision productcatalogservice-/ }).getByRole("heading", { name: "Candidates" }).waitFor();
  await other.page.getByRole("button", { name: "application boutique/productcatalogservice" }).waitFor();
  await lists(other.page, ["differs"]);

  await chip.click();
  await page.waitForURL((url) => !url.hash.includes("application="));
  await lists(page, all);
  await opened.waitFor();
  assert.deepEqual([...complaints, ...other.complaints], []);
  await other.page.context().close();
  await page.context().close();
});

test("a decision is opened, read and closed with the keyboard alone", async () => {
  const { page, complaints } = await open(browser, `${server.url}/#/decisions`);
  const link = row(page, "differs").getByRole("link");
  await link.waitFor();
  await tabTo(page, link);
  await page.keyboard.press("Enter");
  const opened = page.getByRole("region", { name: /^Decision productcatalogservice-/ });
  await opened.getByRole("heading", { name: "Candidates" }).waitFor();
  assert.ok(await focused(opened.getByRole("heading", { level: 2 })), "reading goes on at its heading");
  await tabTo(page, opened.getByRole("button", { name: "Close" }));
  const candidate = opened.getByRole("list").last().getByRole("link").first();
  await tabTo(page, candidate);
  await page.keyboard.press("Escape");
  await opened.waitFor({ state: "detached" });
  assert.ok(await focused(link), "where it was opened");
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("a policy that fails is shown with what it said: as a shadow, as one that answers, and when it is refused", async () => {
  const server = await serveOver(SAMPLE);
  const component = new Uint8Array(await readFile(HOSTILE));
  // It behaves in its trial, which has three candidates.
  const settings = "parameters.behaviour=error&parameters.candidates=4&limits.deadline_ms=10000";
  const push = (query: string) =>
    fetch(`${server.url}/v1/policies/hostile?${settings}&${query}`, { method: "PUT", headers: { "content-type": "application/wasm" }, body: component });
  const pushed = await push("mode=shadow");
  assert.equal(pushed.status, 200, await pushed.text());
  await ask(server, PODS.unknown);

  const { page, complaints } = await open(browser, `${server.url}/#/policies`);
  const card = page.getByRole("article", { name: "Policy hostile" });
  await card.getByText(/^Failed on 1 pod: .*told to fail/).waitFor();
  // Another revision is tried on what was asked before.
  const refused = await push("mode=shadow&weight=2");
  assert.equal(refused.status, 422, await refused.text());
  await page.getByRole("heading", { name: "Refused lately" }).waitFor();
  await page.getByRole("listitem").filter({ hasText: "told to fail" }).waitFor();

  await card.getByRole("button", { name: "Activate" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Do it" }).click();
  await card.getByText("active", { exact: true }).waitFor();
  await ask(server, PODS.differs);
  await page.getByRole("link", { name: "Decisions", exact: true }).click();
  const failed = row(page, "differs");
  await failed.getByText("fault", { exact: true }).waitFor();
  await failed.getByRole("link").click();
  const opened = page.getByRole("region", { name: /^Decision productcatalogservice-/ });
  await opened.getByText(/told to fail/).waitFor();
  // The other one answered all the same.
  await opened.getByText(/^Best on node-b2/).waitFor();
  assert.deepEqual(complaints, []);
  await page.context().close();
  await server.stop();
});

test("who may not change policies sees all of them, and no button that changes one", async () => {
  const { page, complaints } = await open(browser, `${server.url}/#/map`);
  // The server answers so to a caller whose role lists policies and does not update them.
  await page.route("**/v1/about", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), changes: false } });
  });
  await page.reload();
  for (const view of ["Decisions", "Policies"]) await page.getByRole("link", { name: view, exact: true }).click();
  await page.locator(".cards").getByText("netmarks", { exact: true }).first().waitFor();
  await page.getByText("Generation").waitFor();
  await page.getByRole("button", { name: "Push a policy" }).waitFor({ state: "detached" });
  for (const name of ["Roll back", "Weigh", "Remove"]) assert.equal(await page.getByRole("button", { name }).count(), 0, name);
  assert.deepEqual(complaints, []);
  await page.context().close();
});
