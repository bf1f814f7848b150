// A bar that divides bytes by how far they go, with the same in words for who does not see it.

import type { Totals } from "../api/types";
import { percent, rate } from "../format";

/** Bytes whose ends are both on nodes. */
export function placed(totals: Totals): number {
  return totals.within_node + totals.within_zone + totals.across_zones + totals.across_regions;
}

export function acrossZones(totals: Totals): number {
  return totals.across_zones + totals.across_regions;
}

export function local(totals: Totals): number | null {
  const all = placed(totals);
  return all > 0 ? totals.within_node / all : null;
}

export function Split({ totals }: { totals: Totals }) {
  const all = placed(totals);
  const parts = [
    ["node", totals.within_node, "stays on the node"],
    ["zone", totals.within_zone, "within the zone"],
    ["zones", acrossZones(totals), "across zones"],
  ] as const;
  const words = all > 0 ? parts.map(([, bytes, what]) => `${percent(bytes / all)} ${what}`).join(", ") : "no traffic";
  return (
    <span class="split" role="img" aria-label={words} title={all > 0 ? parts.map(([, bytes, what]) => `${rate(bytes)} ${what}`).join("\n") : words}>
      {all > 0 && parts.map(([name, bytes]) => bytes > 0 && <i key={name} class={name} style={{ flexGrow: bytes / all }} />)}
    </span>
  );
}
