// An opened node: what its pods exchange with those elsewhere and with one another is drawn from dot to dot, and the tables beside it
// have the same figures.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import type { NodeDetail } from "../src/api/types";
import { rate } from "../src/format";
import { launch, open, SAMPLE, serve, type Server } from "./support";

const NODE = "node-a1";

/** Steps of pixels at which the picture is looked at, and most places of one colour at which the pointer asks. */
const STEP = 3;
const ASKED = 150;

/** Of 255: how far a channel may be off for a curve, which is not quite opaque. */
const NEAR = 36;

let browser: Browser;
let server: Server;

before(async () => {
  browser = await launch();
  server = await serve("console", "--snapshot", SAMPLE, "--listen", "127.0.0.1:0");
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Places on the canvas that have one of the colours that say how far bytes go, in pixels of the page. */
function coloured(page: Page, name: "node" | "zone" | "zones"): Promise<[number, number][]> {
  return page.getByRole("application").evaluate(
    (canvas, [name, step, near]) => {
      if (!(canvas instanceof HTMLCanvasElement)) throw new Error("the map is no canvas");
      const colour = getComputedStyle(canvas).getPropertyValue(`--${name}`).trim();
      const wanted = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
      const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height }).getContext("2d", { willReadFrequently: true });
      copy?.drawImage(canvas, 0, 0);
      const pixels = copy?.getImageData(0, 0, canvas.width, canvas.height).data;
      const { left, top } = canvas.getBoundingClientRect();
      const found: [number, number][] = [];
      for (let y = 0; y < canvas.height; y += step) {
        for (let x = 0; x < canvas.width; x += step) {
          const at = (y * canvas.width + x) * 4;
          if (wanted.every((channel, index) => Math.abs(channel - (pixels?.[at + index] ?? 0)) <= near)) found.push([left + x, top + y]);
        }
      }
      return found;
    },
    [name, STEP, NEAR] as const,
  );
}

/** What the page says under the pointer at some of these places, line by line. */
async function said(page: Page, places: [number, number][]): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  const every = Math.max(1, Math.floor(places.length / ASKED));
  for (const [x, y] of places.filter((_, index) => index % every === 0)) {
    await page.mouse.move(x, y);
    const lines = await page.locator(".tip div").allTextContents();
    found.set(lines.join("\n"), lines);
  }
  return found;
}

test("an opened node's flows are drawn from its pods to those elsewhere, as the table has them", async () => {
  const answer = (await (await fetch(`${server.url}/v1/nodes/${NODE}`)).json()) as NodeDetail;
  const far = new Map(answer.peers.map((peer) => [peer.node, peer.distance === 1 ? "within the zone" : "across zones"]));
  const expected = new Set(
    answer.flows.map((flow) => [`${flow.application} ↔ ${flow.peer}`, `${NODE} ↔ ${flow.peer_node}`, `${rate(flow.bytes_per_second)} ${far.get(flow.peer_node)}`].join("\n")),
  );

  const { page, complaints } = await open(browser, `${server.url}/#/map`);
  const map = page.getByRole("application");
  await map.waitFor();
  await page.getByText("stays on its node").waitFor();
  const closed = await said(page, await coloured(page, "zones"));

  await map.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: `Node ${NODE}` }).waitFor();
  await page.getByText(`From the pods of ${NODE} to those elsewhere ${answer.flows.length} flows are drawn, with 100% of the bytes that leave it.`).waitFor();
  // The legend has another line now: the map was drawn again when it was measured again.
  await page.mouse.move(5, 5);
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  const [across, within] = [await coloured(page, "zones"), await coloured(page, "zone")];
  const lines = [...(await said(page, across)).values(), ...(await said(page, within)).values()];
  const flows = lines.filter(([ends]) => ends?.includes("/"));
  for (const flow of flows) assert.ok(expected.has(flow.join("\n")), flow.join(", "));
  const reached = new Set(flows.map(([, ends]) => ends?.split(" ↔ ")[1]));
  assert.deepEqual([...reached].sort(), answer.peers.map((peer) => peer.node).sort());
  // Under the pointer inside a card is its node: curves reach into that of the opened one.
  assert.ok(lines.some(([node]) => node === NODE), "no curve reaches its dots");
  assert.ok(![...closed.values()].some(([node]) => node === NODE), "while it is closed none does");

  const table = page.getByRole("table", { name: "What leaves" });
  const heaviest = answer.flows[0];
  assert.ok(heaviest);
  await table.getByRole("row").filter({ hasText: heaviest.peer_node }).filter({ hasText: rate(heaviest.bytes_per_second) }).first().waitFor();

  // None is as heavy as this.
  await page.goto(`${server.url}/#/map?node=${NODE}&at_least=1000000`);
  await page.getByText("flows are drawn").waitFor({ state: "detached" });
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("what stays on an opened node is drawn between its pods, as the table has it", async () => {
  const answer = (await (await fetch(`${server.url}/v1/nodes/${NODE}`)).json()) as NodeDetail;
  const expected = answer.flows_within.map((flow) => [`${flow.application} ↔ ${flow.peer}`, NODE, `${rate(flow.bytes_per_second)} within the node`].join("\n"));
  const sum = answer.flows_within.reduce((sum, flow) => sum + flow.bytes_per_second, 0);
  assert.ok(expected.length > 1 && Math.abs(sum / answer.totals.within_node - 1) < 1e-9);

  const { page, complaints } = await open(browser, `${server.url}/#/map`);
  const drawn = page.getByText(`Between the pods of ${NODE} ${expected.length} flows are drawn, with 100% of the bytes that stay on it.`);
  const told = async () => [...(await said(page, await coloured(page, "node"))).keys()].filter((lines) => lines.endsWith("within the node")).sort();
  await page.getByRole("application").waitFor();
  await page.getByText("stays on its node").waitFor();
  assert.deepEqual(await told(), [], "while it is closed there are none");
  assert.equal(await page.getByText("within the node", { exact: true }).count(), 0);

  await page.goto(`${server.url}/#/map?node=${NODE}`);
  await drawn.waitFor();
  await page.mouse.move(5, 5);
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  assert.deepEqual(await told(), [...expected].sort());
  await page.getByText("within the node", { exact: true }).waitFor();
  const rows = page.getByRole("table", { name: "What stays here" }).getByRole("row");
  assert.equal(await rows.count(), expected.length + 1);
  for (const { application, peer, bytes_per_second: bytes } of answer.flows_within)
    await rows.filter({ hasText: application.split("/")[1] ?? "" }).filter({ hasText: peer.split("/")[1] ?? "" }).filter({ hasText: rate(bytes) }).waitFor();

  await page.goto(`${server.url}/#/map?node=${NODE}&namespace=none`);
  await drawn.waitFor({ state: "detached" });
  assert.deepEqual(complaints, []);
  await page.context().close();
});
