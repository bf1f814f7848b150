// Whether the server answers. Every call and the stream report here; the page's banner reads it.

import { useEffect, useState } from "preact/hooks";

export type Connection =
  | { state: "answers" }
  /** Since when it does not answer, in milliseconds of the page's clock. */
  | { state: "lost"; since: number }
  /** It answered again a moment ago. */
  | { state: "back"; away: number };

/** How long the page says that the server is back, in milliseconds. */
const BACK = 5_000;

let connection: Connection = { state: "answers" };
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

function become(next: Connection): void {
  connection = next;
  for (const listener of listeners) listener();
}

export function lost(): void {
  clearTimeout(timer);
  if (connection.state !== "lost") become({ state: "lost", since: Date.now() });
}

export function answered(): void {
  if (connection.state !== "lost") return;
  become({ state: "back", away: Date.now() - connection.since });
  timer = setTimeout(() => become({ state: "answers" }), BACK);
}

export function useConnection(): Connection {
  const [, redraw] = useState(0);
  useEffect(() => {
    const changed = () => redraw((times) => times + 1);
    listeners.add(changed);
    return () => void listeners.delete(changed);
  }, []);
  return connection;
}
