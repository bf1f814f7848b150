// A cluster of 5,000 nodes in a file: how soon it is drawn, and how smoothly it moves.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, open, sent, serve, type Server } from "./support";

const [NODES, PODS, APPLICATIONS, FLOWS] = [5_000, 50_000, 2_000, 20_000];

/** Draws that are the same every time. */
function seeded(): () => number {
  let state = 7;
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

function snapshot(): object {
  const draw = seeded();
  const below = (most: number) => Math.floor(draw() * most);
  const application = (index: number) => `space-${index % 40}/app-${index}`;
  return {
    version: 1,
    taken_at: 1_767_225_600,
    identity: "app",
    nodes: Array.from({ length: NODES }, (_, index) => ({
      name: `ip-10-${index >> 8}-${index & 255}.eu-west-1.compute.internal`,
      zone: `eu-west-1${"abc"[index % 3]}`,
      region: "eu-west-1",
      allocatable_cpu_cores: 16,
      allocatable_memory_bytes: 64e9,
    })),
    pods: Array.from({ length: PODS }, (_, index) => {
      const node = below(NODES);
      return {
        name: `${application(index % APPLICATIONS)}-${index}`,
        application: application(index % APPLICATIONS),
        node: `ip-10-${node >> 8}-${node & 255}.eu-west-1.compute.internal`,
        labels: { app: `app-${index % APPLICATIONS}` },
        cpu_request_cores: 0.3,
        memory_request_bytes: 1e9,
      };
    }),
    flows_at: 1_767_225_600,
    // One pair after another, so that none comes twice; most talk to those near them, and few flows carry most bytes.
    flows: Array.from({ length: FLOWS }, (_, index) => ({
      source: application(index % APPLICATIONS),
      destination: application((index + 1 + 37 * Math.floor(index / APPLICATIONS)) % APPLICATIONS),
      bytes_per_second: 1e6 * draw() ** 4,
    })),
  };
}

let browser: Browser;
let server: Server;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "netmarks-console-"));
  const file = join(folder, "large.json");
  await writeFile(file, JSON.stringify(snapshot()));
  browser = await launch();
  server = await serve("console", "--snapshot", file, "--listen", "127.0.0.1:0");
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The most milliseconds until the map is there: a development build computes it for the first time. */
const DRAWN = 10_000;

interface Frames {
  /** When each was drawn, in milliseconds. */
  frames: number[];
}

/** Frames a second and the longest gap, in milliseconds, while something moves: counted in the page, as it draws. */
async function smoothness(page: Page, move: () => Promise<void>): Promise<{ rate: number; longest: number }> {
  await page.evaluate(() => {
    const counted = globalThis as unknown as Frames;
    const frames: number[] = [];
    counted.frames = frames;
    const frame = (at: number) => {
      if (counted.frames !== frames) return;
      frames.push(at);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  await move();
  const frames = await page.evaluate(() => {
    const counted = globalThis as unknown as Frames;
    const { frames } = counted;
    counted.frames = [];
    return frames;
  });
  const gaps = frames.slice(1).map((at, index) => at - (frames[index] ?? at));
  return { rate: (1000 * gaps.length) / gaps.reduce((sum, gap) => sum + gap, 0), longest: Math.max(...gaps) };
}

test("5,000 nodes are drawn soon and move smoothly", async () => {
  const { page, complaints } = await open(browser, `${server.url}/#/map`);
  const map = page.getByRole("application");
  await map.waitFor();
  const [paint, drawn] = await page.evaluate(() => [
    performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
    performance.now(),
  ]);
  const asked = performance.now();
  const answer = await fetch(`${server.url}/v1/map`);
  const bytes = (await answer.arrayBuffer()).byteLength;
  const took = performance.now() - asked;
  const box = await map.boundingBox();
  assert.ok(box);
  const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const drag = async () => {
    await page.mouse.move(middle.x, middle.y);
    await page.mouse.down();
    for (let step = 0; step < 120; step += 1) await page.mouse.move(middle.x + 140 * Math.sin(step / 12), middle.y + 60 * Math.cos(step / 12));
    await page.mouse.up();
  };
  // Near enough, a node has a name and the pods have dots, which are asked for then.
  const asks = page.waitForResponse((response) => response.url().includes("/v1/map?nodes="));
  const far = await smoothness(page, async () => {
    await drag();
    for (let step = 0; step < 14; step += 1) await page.mouse.wheel(0, -120);
  });
  await asks;
  // With the pods, the legend has their applications in place of the colours of shares.
  await page.getByText("0 to 100% stays on the node").waitFor({ state: "detached" });
  const near = await smoothness(page, drag);
  console.log(
    `5,000 nodes: first contentful paint ${paint?.toFixed(0)} ms, drawn after ${drawn?.toFixed(0)} ms; ${far.rate.toFixed(0)} frames a second while moving, the longest ` +
      `gap ${far.longest.toFixed(0)} ms; among pods ${near.rate.toFixed(0)}, ${near.longest.toFixed(0)} ms; /v1/map ${bytes} bytes in ${took.toFixed(0)} ms`,
  );
  assert.ok((paint ?? Infinity) < 1_000);
  assert.ok((drawn ?? Infinity) < DRAWN);
  assert.ok(far.rate >= 30);
  assert.ok(near.rate >= 30);
  assert.ok(bytes <= 300_000);
  await mkdir("build/pictures", { recursive: true });
  await page.screenshot({ path: "build/pictures/large-near.png" });
  await page.keyboard.press("0");
  assert.deepEqual(complaints, []);
});

/** Milliseconds that the server has computed so far; Linux counts them in hundredths of a second. */
async function computed(): Promise<number> {
  const fields = (await readFile(`/proc/${server.pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Requests of each view that are measured, each another one, so that none is answered again. */
const ASKED = 4;

test("what the views of 5,000 nodes cost the server", async () => {
  const name = (index: number) => `ip-10-${index >> 8}-${index & 255}.eu-west-1.compute.internal`;
  const views: Record<string, (index: number) => string> = {
    "the whole map": (index) => `v1/map?at_least=${index}`,
    "64 nodes near": (index) => `v1/map?nodes=${Array.from({ length: 64 }, (_, near) => name(64 * index + near)).join()}`,
    "one application's map": (index) => `v1/map?application=space-${index}/app-${index}`,
    "an application": (index) => `v1/applications/space-${index}/app-${index}`,
    "a node": (index) => `v1/nodes/${name(index)}`,
    "500 applications": (index) => `v1/applications?limit=500&offset=${index}`,
  };
  for (const [view, path] of Object.entries(views)) {
    const before = await computed();
    const sizes: number[] = [];
    for (const coding of ["identity", "gzip", "br"]) sizes.push(await sent(`${server.url}/${path(0)}`, coding));
    for (let index = 1; index < ASKED; index += 1) assert.ok((await sent(`${server.url}/${path(index)}`, "br")) > 0);
    const each = ((await computed()) - before) / (ASKED + 2);
    console.log(`${view}: ${each.toFixed(1)} ms of computing; ${sizes.join(", ")} bytes plain, gzip, brotli`);
    assert.ok((sizes[0] ?? 0) <= 300_000, view);
  }
});
