// How it looked before: the last hour under one handle, with the share of bytes that stayed on nodes.

import { useEffect, useState } from "preact/hooks";
import type { History } from "../api/types";
import { clock, percent, span } from "../format";
import { local } from "../parts/Split";
import { useAddress } from "../router";

export function TimeSlider({ history }: { history: History | undefined }) {
  const [{ query }, change] = useAddress();
  const frames = history?.frames ?? [];
  const at = query.get("at");
  const last = frames.length;
  const found = at === null ? last : frames.findLastIndex((frame) => frame.at <= Number(at) + 0.001);
  const place = found < 0 ? 0 : found;
  const [dragged, setDragged] = useState<number | null>(null);
  // A map is asked for when the handle rests, not for every place that it passes.
  useEffect(() => {
    if (dragged === null) return undefined;
    const timer = setTimeout(() => {
      setDragged(null);
      const frame = frames[dragged];
      change({ at: frame ? String(frame.at) : undefined });
    }, 120);
    return () => clearTimeout(timer);
  }, [dragged]);
  if (frames.length < 2) return null;
  const handle = dragged ?? place;
  const frame = frames[handle];
  const words = frame ? `${clock(frame.at)}, ${span(Date.now() / 1000 - frame.at)} ago` : "now";
  const most = Math.max(0.01, ...frames.map((one) => local(one) ?? 0));
  const points = frames.map((one, index) => `${(index / last) * 1000},${(1 - (local(one) ?? 0) / most) * 24 + 3}`);
  return (
    <div class="moments">
      <div class="track">
        <svg viewBox="0 0 1000 30" preserveAspectRatio="none" aria-hidden="true">
          <polygon points={`0,30 ${points.join(" ")} ${((last - 1) / last) * 1000},30`} />
          <polyline points={points.join(" ")} vector-effect="non-scaling-stroke" />
        </svg>
        <input
          type="range"
          min="0"
          max={last}
          value={handle}
          aria-label="Time"
          aria-valuetext={`${words}${frame ? `, ${percent(local(frame))} local` : ""}`}
          onInput={(event) => setDragged(Number(event.currentTarget.value))}
        />
      </div>
      <output>
        {frame ? (
          <>
            <b>{clock(frame.at)}</b> {span(Date.now() / 1000 - frame.at)} ago, {percent(local(frame))} local
          </>
        ) : (
          <>
            <b>Now</b> <span class="dim">the last {span(Date.now() / 1000 - (frames[0]?.at ?? 0))} are kept</span>
          </>
        )}
      </output>
      <button type="button" disabled={at === null} onClick={() => change({ at: undefined })}>
        Back to now
      </button>
    </div>
  );
}
