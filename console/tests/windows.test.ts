// Many windows of one browser, which has six connections to a server for all of them together.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { demo, launch, open, type Server, visible } from "./support";

/** More than there are connections. */
const WINDOWS = 8;

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

const live = (page: Page) => page.getByText("live", { exact: true });
const asks = (page: Page) => page.getByText("every 5 s", { exact: true });

/** Waits until one of the pages follows the stream, and says which one it is and which ones ask again and again. */
async function turn(pages: Page[]): Promise<[Page, Page[]]> {
  const one = await Promise.any(pages.map((page) => live(page).waitFor().then(() => page)));
  const others = pages.filter((page) => page !== one);
  for (const page of others) assert.equal(await asks(page).count(), 1, "one at a time");
  return [one, others];
}

test("eight windows of one browser all show the cluster, and one of them at a time has the stream", async () => {
  const { page, complaints } = await open(browser, `${server.url}/#/map`);
  const pages = [page];
  const context = page.context();
  context.setDefaultTimeout(60_000);
  while (pages.length < WINDOWS) {
    const next = await context.newPage();
    await next.goto(`${server.url}/#/map`);
    pages.push(next);
  }
  for (const one of pages) {
    await one.getByRole("application").waitFor();
    await one.getByRole("link", { name: "Decisions", exact: true }).click();
  }
  for (const one of pages) await one.getByRole("row").nth(1).waitFor();
  const [first, others] = await turn(pages);

  // What is decided from now on reaches those without the stream, too.
  const rows = others[0]?.getByRole("row");
  assert.ok(rows);
  await rows.nth(await rows.count()).waitFor();

  await first.close();
  const [second, waiting] = await turn(others);
  await visible(second, "hidden");
  const [third] = await turn(waiting);
  await asks(second).waitFor();
  await visible(second, "visible");
  await second.getByRole("link", { name: "Map", exact: true }).click();
  await second.getByRole("application").waitFor();
  await second.getByRole("link", { name: "Decisions", exact: true }).click();
  await asks(second).waitFor();
  await live(third).waitFor();
  for (const one of others) assert.equal(await one.getByText("has not answered").count(), 0);
  assert.deepEqual(complaints, []);
  await context.close();
});
