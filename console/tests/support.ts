// What the tests share: the program, a browser, and pages that must not complain.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Browser, chromium, type Page } from "playwright-core";

/** The program; `cargo xtask console` and `cargo xtask test` say where it is. */
function program(): string {
  const path = process.env["NETMARKS"] ?? "../target/debug/netmarks";
  assert.ok(existsSync(path), `there is no ${path}: run \`cargo xtask test --only console\``);
  return path;
}

export interface Server {
  url: string;
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
  return { url, stop: () => ended(child) };
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

/** Debian's browser; as root it has no sandbox of its own. */
export function launch(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
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
