// What the map looks like, compared loosely with small committed pictures: letters and edges may differ, shapes and colours may not.
// `NETMARKS_BLESS=1` takes them again.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, open, SAMPLE, serve, type Server } from "./support";

const FOLDER = "tests/pictures";

/** Blocks of 10 by 10 pixels, each the mean of its pixels. */
const BLOCK = 10;
const VIEW = { width: 1280, height: 800 };

/** Of 255: how far a block's colour may be off, and of how many blocks it may be off farther. */
const NEAR = 24;
const FARTHER = 0.03;

let browser: Browser;
let server: Server;
let bench: Page;

before(async () => {
  browser = await launch();
  // A file does not change, as a demo does.
  server = await serve("console", "--snapshot", SAMPLE, "--listen", "127.0.0.1:0");
  bench = await browser.newPage();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A picture in blocks, as a picture of one pixel each. */
function blocks(picture: Buffer, size: number): Promise<string> {
  return bench.evaluate(
    async ([data, size]) => {
      const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
      const [width, height] = [Math.round(image.width / size), Math.round(image.height / size)];
      const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context?.drawImage(image, 0, 0);
      const small = Object.assign(document.createElement("canvas"), { width, height });
      const to = small.getContext("2d");
      const means = to?.createImageData(width, height);
      if (!context || !to || !means) throw new Error("there is no canvas");
      for (let index = 0; index < width * height; index += 1) {
        const pixels = context.getImageData((index % width) * size, Math.floor(index / width) * size, size, size).data;
        for (let channel = 0; channel < 4; channel += 1) {
          let sum = 0;
          for (let at = channel; at < pixels.length; at += 4) sum += pixels[at] ?? 0;
          means.data[index * 4 + channel] = Math.round(sum / (size * size));
        }
      }
      to.putImageData(means, 0, 0);
      return small.toDataURL("image/png").split(",")[1] ?? "";
    },
    [picture.toString("base64"), size] as const,
  );
}

/** The channels of a picture's pixels. */
function channels(picture: Buffer): Promise<number[]> {
  return bench.evaluate(async (data) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
    const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    const context = canvas.getContext("2d");
    context?.drawImage(image, 0, 0);
    return [...(context?.getImageData(0, 0, image.width, image.height).data ?? [])];
  }, picture.toString("base64"));
}

for (const [name, view] of Object.entries({ map: "#/map", application: "#/map?application=boutique%2Ffrontend", node: "#/map?node=node-a1" })) {
  for (const look of ["light", "dark"]) {
    test(`${name}, ${look}`, async () => {
      const { page, complaints } = await open(browser, `${server.url}/${view}`, { ...VIEW, dark: look === "dark" });
      await page.getByRole("application").waitFor();
      await page.getByText("stays on its node").waitFor();
      if (name === "application") await page.getByText("Where its next replica would be best").waitFor();
      if (name === "node") await page.getByText("11 flows are drawn").waitFor();
      // The legend has taken its room, and the map was drawn again in what is left.
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      const taken = await page.screenshot({ animations: "disabled" });
      const now = Buffer.from(await blocks(taken, BLOCK), "base64");
      const file = `${FOLDER}/${name}-${look}.png`;
      await mkdir(FOLDER, { recursive: true });
      if (process.env["NETMARKS_BLESS"]) await writeFile(file, now);
      assert.ok(existsSync(file), `there is no ${file}: NETMARKS_BLESS=1 takes it`);
      const [before, after] = await Promise.all([channels(await readFile(file)), channels(now)]);
      assert.equal(after.length, before.length, "as large as it was");
      let farther = 0;
      for (let at = 0; at < after.length; at += 4) {
        const off = [0, 1, 2].map((channel) => Math.abs((after[at + channel] ?? 0) - (before[at + channel] ?? 0)));
        if (Math.max(...off) > NEAR) farther += 1;
      }
      const share = farther / (after.length / 4);
      if (share > FARTHER) {
        await mkdir("build/pictures", { recursive: true });
        await writeFile(`build/pictures/${name}-${look}-now.png`, taken);
      }
      assert.ok(share <= FARTHER, `${(share * 100).toFixed(1)}% of the blocks are of another colour; see build/pictures/${name}-${look}-now.png`);
      assert.deepEqual(complaints, []);
      await page.context().close();
    });
  }
}

test("the comparison tells another picture apart", async () => {
  const [light, dark, map, application, node] = await Promise.all(
    ["map-light", "map-dark", "map-light", "application-light", "node-light"].map(async (name) => channels(await readFile(`${FOLDER}/${name}.png`))),
  );
  for (const [one, other] of [
    [light, dark],
    [map, application],
    [map, node],
  ] as const) {
    const off = (one ?? []).filter((value, at) => Math.abs(value - (other?.[at] ?? 0)) > NEAR).length;
    assert.ok(off / (one?.length ?? 1) > FARTHER);
  }
});
