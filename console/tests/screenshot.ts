// Takes the README's picture: `node build/tests/screenshot.mjs PROGRAM PICTURE`.

import { statSync } from "node:fs";
import { demo, launch, open } from "./support";

const [program, picture] = process.argv.slice(2);
if (!program || !picture) throw new Error("usage: screenshot.mjs PROGRAM PICTURE");
process.env["NETMARKS"] = program;

const server = await demo();
const browser = await launch();
const { page } = await open(browser, `${server.url}/#/map?application=boutique%2Ffrontend`);
await page.getByText("Where its next replica would be best").waitFor();
await page.screenshot({ path: picture });
await browser.close();
await server.stop();
const bytes = statSync(picture).size;
console.log(`${picture}: ${bytes} bytes`);
if (bytes > 300_000) throw new Error("the picture is larger than a README should have");
