// What the tests share: the program, a browser, and pages that must not complain.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve as absolute } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";

/** Online Boutique on six nodes with its measured traffic. */
export const SAMPLE = "../host/netmarks/sample/online-boutique.json";

/** The program; `cargo xtask console` and `cargo xtask test` say where it is. */
export function program(): string {
  const path = process.env["NETMARKS"] ?? "../target/debug/netmarks";
  assert.ok(existsSync(path), `there is no ${path}: run \`cargo xtask test --only console\``);
  return path;
}

export interface Server {
  /** Of the page. */
  url: string;
  /** Where kube-scheduler asks; empty where that is not said before the page's address. */
  scheduler: string;
  pid: number;
  stop: () => Promise<void>;
}

/** What the demo and `netmarks console` print first, and what `netmarks serve` logs. */
const ADDRESS = /Look at it:\s+http:\/\/(\S+?)\/?$|listening for changes of policies address=(\S+)/;

/** What `netmarks serve` logs of the address at which kube-scheduler asks. */
const SCHEDULER = /\slistening address=(\S+)/;

/** Starts it and waits for the line that has the page's address. */
export async function serve(...args: string[]): Promise<Server> {
  const child = spawn(program(), args, { stdio: ["ignore", "pipe", "pipe"] });
  const said: string[] = [];
  let scheduler = "";
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        if (said.push(line) > 100) said.shift();
        const asked = SCHEDULER.exec(line);
        if (asked) scheduler = `http://${asked[1]}`;
        const found = ADDRESS.exec(line);
        if (found) resolve(`http://${found[1] ?? found[2]}`);
      });
    }
    child.once("exit", () => reject(new Error(`it ended before it said where the page is:\n${said.join("\n")}`)));
  });
  return { url, scheduler, pid: child.pid ?? 0, stop: () => ended(child) };
}

export function demo(listen = "127.0.0.1:0"): Promise<Server> {
  return serve("demo", "--listen", "127.0.0.1:0", "--admin-listen", listen);
}

/** `netmarks serve` over a snapshot file, on free ports and in a folder of its own. */
export async function serveOver(snapshot: string, admin: Record<string, string> = {}): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), "netmarks-console-"));
  const config = join(folder, "config.yaml");
  const settings = {
    admin: { listen: "127.0.0.1:0", ...admin },
    server: { listen: "127.0.0.1:0", health_listen: "127.0.0.1:0", request_timeout_ms: 30_000 },
    cluster: { snapshot_file: absolute(snapshot) },
    // Slow machines are no faults, and no pod counts for the next one's score.
    policy: { limits: { deadline_ms: 10_000 } },
    scoring: { assume_seconds: 0 },
    policies: { state_folder: join(folder, "state") },
  };
  // YAML has JSON in it.
  await writeFile(config, JSON.stringify(settings));
  const server = await serve("serve", "--config", config);
  const stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { ...server, stop };
}

/** Asks as kube-scheduler would where a pod, `namespace/name`, should go; `app` is its label. */
export async function prioritize(server: Server, pod: string, app: string, nodes: string[]): Promise<void> {
  const [namespace, name] = pod.split("/", 2);
  const body = JSON.stringify({ Pod: { metadata: { name, namespace, labels: { app } } }, NodeNames: nodes });
  const answer = await fetch(`${server.scheduler}/prioritize`, { method: "POST", body });
  assert.equal(answer.status, 200, await answer.text());
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const end = new Promise((resolve) => child.once("exit", resolve));
  // Not asked to drain: nobody waits for its answers.
  child.kill("SIGKILL");
  await end;
}

/** Debian's browser. It has no sandbox of its own, which root could not have, and sees nothing but what the tests serve. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", chromiumSandbox: false });
}

export interface Look {
  width?: number;
  height?: number;
  dark?: boolean;
}

/** A page, and what went wrong in it: errors of scripts, what the policy for content forbids, files that are not there. */
export async function open(browser: Browser, url: string, look: Look = {}): Promise<{ page: Page; complaints: string[] }> {
  const { width = 1280, height = 800, dark = false } = look;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light" });
  const page = await context.newPage();
  // Compiling a policy takes its time where much else runs.
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints };
}

/** What a browser says to a page whose tab is hidden or shown. */
export function visible(page: Page, state: "hidden" | "visible"): Promise<void> {
  return page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
}

/** Whether it has the focus. */
export function focused(place: Locator): Promise<boolean> {
  return place.evaluate((element) => element === document.activeElement);
}

/** Goes on with the Tab key until it has the focus. */
export async function tabTo(page: Page, place: Locator): Promise<void> {
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press("Tab");
    if (await focused(place)) return;
  }
  assert.fail(`${place} is not reached with the Tab key`);
}

/** Bytes of an answer as they are sent in a coding. */
export function sent(url: string, coding: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers: { "accept-encoding": coding } }, (answer) => {
      let bytes = 0;
      answer.on("data", (part: Buffer) => (bytes += part.length));
      answer.on("end", () => (answer.statusCode === 200 ? resolve(bytes) : reject(new Error(`${url}: ${answer.statusCode}`))));
    });
    request.on("error", reject);
  });
}
