// Calls of the admin API. A caller that must be known is known by a bearer token, which stays in this tab; there are no cookies, so
// no other page can make calls in its name.

import { answered, lost } from "./connection";

const TOKEN = "netmarks-token";

/** A call is given up after so many milliseconds; uploads take longer. */
const PATIENCE = 15_000;
const UPLOAD_PATIENCE = 120_000;

/** Characters of a request's path and its caller's token: the server reads 64 KiB of head, and the browser adds headers of its own. */
const LONGEST = 62 * 1024;

/** An answer other than success, in the server's own sentence. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }

  get unknownCaller(): boolean {
    return this.status === 401;
  }
}

/** No answer at all. */
export class Unreachable extends Error {}

export function token(): string {
  return sessionStorage.getItem(TOKEN) ?? "";
}

export function setToken(value: string): void {
  if (value) sessionStorage.setItem(TOKEN, value);
  else sessionStorage.removeItem(TOKEN);
}

export function headers(more: Record<string, string> = {}): Record<string, string> {
  const bearer = token();
  return bearer ? { ...more, authorization: `Bearer ${bearer}` } : more;
}

async function call(path: string, init: RequestInit, patience: number): Promise<Response> {
  // The server would close the connection while the rest of it is on its way, as if it were lost.
  if (path.length + token().length > LONGEST) throw new Refused(414, "its name is too long to be asked for");
  let response: Response;
  try {
    response = await fetch(path, { ...init, cache: "no-cache", credentials: "omit", signal: AbortSignal.timeout(patience) });
  } catch {
    lost();
    throw new Unreachable("the server does not answer");
  }
  answered();
  if (response.ok) return response;
  throw new Refused(response.status, await sentence(response));
}

/** What the server says of a refusal: `{"error": ...}`, or a line of text. */
async function sentence(response: Response): Promise<string> {
  const text = (await response.text().catch(() => "")).slice(0, 4_000);
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === "string") return error;
  } catch {
    // It was no JSON.
  }
  return text.trim() || `the server answered ${response.status}`;
}

export async function get<T>(path: string): Promise<T> {
  return (await call(path, { headers: headers() }, PATIENCE)).json() as Promise<T>;
}

/** A change of a policy. */
export async function change<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: Blob): Promise<T> {
  const type: Record<string, string> = body ? { "content-type": "application/wasm" } : {};
  const init: RequestInit = { method, headers: headers(type) };
  if (body) init.body = body;
  return (await call(path, init, body ? UPLOAD_PATIENCE : PATIENCE)).json() as Promise<T>;
}
