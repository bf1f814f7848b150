// What the tests share: the program, a browser, and pages that must not complain.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { get } from "node:http";
import { createInterface } from "node:readline";
import { type Browser, chromium, type Page } from "playwright-core";

/** The program; `cargo xtask console` and `cargo xtask test` say where it is. */
export function program(): string {
  const path = process.env["NETMARKS"] ?? "../target/debug/netmarks";
  assert.ok(existsSync(path), `there is no ${path}: run \`cargo xtask test --only console\``);
  return path;
}

export interface Server {
  url: string;
  pid: number;
  stop: () => Promise<void>;
}

/** What the demo and `netmarks console` print first, and what `netmarks serve` logs. */
const ADDRESS = /Look at it:\s+http:\/\/(\S+?)\/?$|listening for changes of policies address=(\S+)/;

/** Starts it and waits for the line that has the page's address. */
export async function serve(...args: string[]): Promise<Server> {
  const child = spawn(program(), args, { stdio: ["ignore", "pipe", "pipe"] });
  const said: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        if (said.push(line) > 100) said.shift();
        const found = ADDRESS.exec(line);
        if (found) resolve(`http://${found[1] ?? found[2]}`);
      });
    }
    child.once("exit", () => reject(new Error(`it ended before it said where the page is:\n${said.join("\n")}`)));
  });
  return { url, pid: child.pid ?? 0, stop: () => ended(child) };
}

export function demo(listen = "127.0.0.1:0"): Promise<Server> {
  return serve("demo", "--listen", "127.0.0.1:0", "--admin-listen", listen);
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
