// The decisions that the stream told, for every view: one connection a page, however often views change.

import { useEffect, useState } from "preact/hooks";
import { follow } from "./stream";
import type { DecisionSummary } from "./types";

/** Most decisions that are kept in the page. */
const KEPT = 500;

interface Feed {
  /** The newest first. */
  decisions: DecisionSummary[];
  state: "waiting" | "follows" | "refused";
}

let feed: Feed = { decisions: [], state: "waiting" };
const listeners = new Set<() => void>();
let scheduled = false;

/** Views are told once for many events that come together. */
function tell(): void {
  if (scheduled) return;
  scheduled = true;
  setTimeout(() => {
    scheduled = false;
    for (const listener of listeners) listener();
  }, 50);
}

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
  return follow(
    "v1/decisions/stream",
    ({ event, data }) => {
      feed = { ...feed, state: "follows" };
      if (event === "decision") {
        const value: unknown = JSON.parse(data);
        if (isSummary(value)) feed = { ...feed, decisions: merged(feed.decisions, value) };
      }
      tell();
    },
    () => {
      feed = { ...feed, state: "refused" };
      tell();
    },
  );
}

export function useFeed(): Feed {
  const [, redraw] = useState(0);
  useEffect(() => {
    const changed = () => redraw((times) => times + 1);
    listeners.add(changed);
    return () => void listeners.delete(changed);
  }, []);
  return feed;
}
