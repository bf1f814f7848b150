// A listener that wants a token: the page asks for it, once, and shows nothing before.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { launch, open, SAMPLE, serveOver } from "./support";

test("the page asks for the token that the server wants", async () => {
  const folder = await mkdtemp(join(tmpdir(), "netmarks-console-"));
  const token = join(folder, "token");
  await writeFile(token, "sesame");
  const server = await serveOver(SAMPLE, { token_file: token });
  const browser = await launch();
  try {
    const { page } = await open(browser, `${server.url}/#/policies`);
    const field = page.getByLabel("Token");
    await field.fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByText("The server does not know this token.").waitFor();
    assert.ok(!(await page.locator("body").innerText()).includes("netmarks 0."));
    await field.fill("sesame");
    await page.keyboard.press("Enter");
    await page.getByRole("article", { name: "Policy netmarks" }).waitFor();
    await page.getByRole("link", { name: "Decisions" }).click();
    await page.getByText("live", { exact: true }).waitFor();
    // Another tab is somebody else.
    const other = await open(browser, server.url);
    await other.page.getByLabel("Token").waitFor();
  } finally {
    await browser.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
