// The decisions that the server told, for every view, however often views change.

import { store } from "./store";
import { follow, type Listener } from "./stream";
import { inTurn } from "./turn";
import type { DecisionSummary } from "./types";

/** Most decisions that are kept in the page. */
const KEPT = 500;

/** From one time that views are told to the next, in milliseconds: many events come together. */
const TOGETHER = 50;

interface Feed {
  /** The newest first. */
  decisions: DecisionSummary[];
  /** Whether they come as they are made. If not, a view that shows them asks for them. */
  live: boolean;
}

const feed = store<Feed>({ decisions: [], live: false });

export const useFeed = feed.use;

/** One decision more, or one that is known with more of it. */
export function merged(decisions: DecisionSummary[], one: DecisionSummary): DecisionSummary[] {
  const known = decisions.findIndex((other) => other.serial === one.serial);
  // What was asked for may be older than what the stream told meanwhile.
  if (known >= 0) return one.chosen === null && decisions[known]?.chosen ? decisions : decisions.with(known, one);
  const after = decisions.findIndex((other) => other.at <= one.at);
  return decisions.toSpliced(after < 0 ? decisions.length : after, 0, one).slice(0, KEPT);
}

function isSummary(value: unknown): value is DecisionSummary {
  return typeof value === "object" && value !== null && "serial" in value && "pod" in value && "at" in value;
}

let next = feed.get();
let scheduled = false;

function become(change: Partial<Feed>): void {
  next = { ...next, ...change };
  if (scheduled) return;
  scheduled = true;
  setTimeout(() => {
    scheduled = false;
    feed.set(next);
  }, TOGETHER);
}

/** Takes decisions that a view asked for. */
export function tell(decisions: DecisionSummary[]): void {
  become({ decisions: decisions.reduce(merged, next.decisions) });
}

/** Follows the stream of decisions whenever it is this page's turn. */
export function startFeed(): () => void {
  const stop = new AbortController();
  const place = { last: "" };
  const listener: Listener = {
    hear: ({ event, data }) => {
      const value: unknown = event === "decision" ? JSON.parse(data) : undefined;
      if (isSummary(value)) tell([value]);
    },
    live: (live) => {
      if (live !== next.live) become({ live });
    },
  };
  inTurn((signal) => follow("v1/decisions/stream", place, listener, signal), stop.signal);
  return () => stop.abort();
}
