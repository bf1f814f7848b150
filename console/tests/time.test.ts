// A clock that jumps, a tab that sleeps, and the last hour under a handle.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Request } from "playwright-core";
import { demo, launch, open, type Server, visible } from "./support";

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

const isStream = (request: Request) => request.url().endsWith("/v1/decisions/stream");

test("a clock that jumps stops nothing", async () => {
  const { page, complaints } = await open(browser, `${server.url}/#/decisions`);
  await page.clock.install();
  await page.reload();
  await page.getByText("live", { exact: true }).waitFor();
  const year = 365 * 86_400_000;
  for (const jump of [year, -2 * year, year]) {
    await page.clock.setSystemTime(Date.now() + jump);
    const answer = page.waitForResponse((response) => response.url().endsWith("/v1/map"));
    await page.getByRole("link", { name: "Map", exact: true }).click();
    await page.getByRole("application").waitFor();
    await page.clock.runFor(31_000);
    await answer;
    await page.getByRole("link", { name: "Decisions", exact: true }).click();
    await page.getByRole("row").nth(1).waitFor();
    const text = await page.locator("body").innerText();
    assert.ok(!/NaN|Invalid|undefined/.test(text), text);
  }
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("a tab that slept for an hour asked for nothing, and is up to date when it wakes", async () => {
  const { page, complaints } = await open(browser, `${server.url}/#/decisions`);
  await page.clock.install();
  await page.reload();
  await page.getByText("live", { exact: true }).waitFor();
  const rows = page.getByRole("row");
  await rows.nth(1).waitFor();
  // One more, which only the stream brings now: there is an event after which it goes on.
  await rows.nth(await rows.count()).waitFor();
  await page.getByRole("link", { name: "Map", exact: true }).click();
  await page.getByRole("application").waitFor();
  const closed = page.waitForEvent("requestfailed", isStream);
  await visible(page, "hidden");
  await closed;
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.clock.fastForward("01:00:00");
  await page.clock.runFor(60_000);
  assert.deepEqual(asked, [], "nobody looks");
  const answer = page.waitForResponse((response) => response.url().endsWith("/v1/map"));
  const stream = page.waitForRequest(isStream);
  await visible(page, "visible");
  await answer;
  assert.match((await stream).headers()["last-event-id"] ?? "", /^[0-9a-f]+-\d+$/, "it goes on where it was");
  await page.getByRole("link", { name: "Decisions", exact: true }).click();
  await page.clock.runFor(5_000);
  await page.getByText("live", { exact: true }).waitFor();
  await rows.nth(1).waitFor();
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("the last hour is under a handle that is dragged", async () => {
  const { page, complaints } = await open(browser, `${server.url}/#/map`);
  const handle = page.getByRole("slider", { name: "Time" });
  // It needs two moments, which are half a minute apart.
  await handle.waitFor({ timeout: 90_000 });
  const box = await handle.boundingBox();
  assert.ok(box);
  const middle = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width - 7, middle);
  await page.mouse.down();
  for (let step = 0; step <= 10; step += 1) await page.mouse.move(box.x + box.width - 7 - (box.width - 14) * (step / 10), middle);
  await page.mouse.up();
  await page.getByText("This is the cluster at").waitFor();
  await page.waitForURL(/at=\d/);
  assert.equal(await handle.inputValue(), "0");
  await page.getByRole("button", { name: "Back to now" }).click();
  await page.getByText("This is the cluster at").waitFor({ state: "hidden" });
  // The same with the keyboard.
  await handle.focus();
  await page.keyboard.press("Home");
  await page.waitForURL(/at=\d/);
  await page.keyboard.press("End");
  await page.waitForURL((url) => !url.hash.includes("at="));
  assert.deepEqual(complaints, []);
  await page.context().close();
});
