// Whether the server answers. Every call and the stream report here; the page's banner reads it.

import { store } from "./store";

export type Connection =
  | { state: "answers" }
  /** Since when it does not answer, in milliseconds of the page's clock. */
  | { state: "lost"; since: number }
  /** It answered again a moment ago. */
  | { state: "back"; away: number };

/** How long the page says that the server is back, in milliseconds. */
const BACK = 5_000;

const connection = store<Connection>({ state: "answers" });
let timer: ReturnType<typeof setTimeout> | undefined;

export const useConnection = connection.use;

export function lost(): void {
  clearTimeout(timer);
  if (connection.get().state !== "lost") connection.set({ state: "lost", since: Date.now() });
}

export function answered(): void {
  const before = connection.get();
  if (before.state !== "lost") return;
  connection.set({ state: "back", away: Date.now() - before.since });
  timer = setTimeout(() => connection.set({ state: "answers" }), BACK);
}
