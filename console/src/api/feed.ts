// The decisions that the stream told, for every view: one connection a page, however often views change.

import { store } from "./store";
import { follow } from "./stream";
import type { DecisionSummary } from "./types";

/** Most decisions that are kept in the page. */
const KEPT = 500;

interface Feed {
  /** The newest first. */
  decisions: DecisionSummary[];
  state: "waiting" | "follows" | "refused";
}

const feed = store<Feed>({ decisions: [], state: "waiting" });

export const useFeed = feed.use;

/** One decision more, or one that is known with more of it. */
export function merged(decisions: DecisionSummary[], one: DecisionSummary): DecisionSummary[] {
  const known = decisions.findIndex((other) => other.serial === one.serial);
  if (known >= 0) return decisions.with(known, one);
  const after = decisions.findIndex((other) => other.at <= one.at);
  return decisions.toSpliced(after < 0 ? decisions.length : after, 0, one).slice(0, KEPT);
}

function isSummary(value: unknown): value is DecisionSummary {
  return typeof value === "object" && value !== null && "serial" in value && "pod" in value && "at" in value;
}

export function startFeed(): () => void {
  let next = feed.get();
  let scheduled = false;
  // Views are told once of many events that come together.
  const become = (value: Feed) => {
    next = value;
    if (scheduled) return;
    scheduled = true;
    setTimeout(() => {
      scheduled = false;
      feed.set(next);
    }, 50);
  };
  return follow(
    "v1/decisions/stream",
    ({ event, data }) => {
      const value: unknown = event === "decision" ? JSON.parse(data) : undefined;
      become({ state: "follows", decisions: isSummary(value) ? merged(next.decisions, value) : next.decisions });
    },
    () => become({ ...next, state: "refused" }),
  );
}
