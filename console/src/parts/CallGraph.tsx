// An application between those that call it and those that it calls: lines as thick as their bytes per second.

import type { ApplicationDetail } from "../api/types";
import { rate, short, shown } from "../format";
import { address } from "../router";
import { local } from "./Split";

type Peer = ApplicationDetail["peers"][number];

const MOST = 6;
const ROW = 30;
const WIDTH = 380;
/** How wide the application itself is drawn. */
const SELF = 88;

export function CallGraph({ application, peers }: { application: string; peers: Peer[] }) {
  const heaviest = (by: (peer: Peer) => number) =>
    peers
      .filter((peer) => by(peer) > 0)
      .sort((one, other) => by(other) - by(one))
      .slice(0, MOST);
  const callers = heaviest((peer) => peer.inbound);
  const called = heaviest((peer) => peer.outbound);
  const rows = Math.max(callers.length, called.length);
  if (rows === 0) return null;
  const height = rows * ROW + 22;
  const most = Math.max(...peers.map((peer) => Math.max(peer.inbound, peer.outbound)));
  const middle = 22 + (rows * ROW) / 2;
  // One side alone has the room of both.
  const self = called.length === 0 ? WIDTH - 96 : callers.length === 0 ? 8 : (WIDTH - SELF) / 2;
  const letters = callers.length > 0 && called.length > 0 ? 16 : 34;
  const side = (list: Peer[], left: boolean, bytes: (peer: Peer) => number) =>
    list.map((peer, index) => {
      const y = middle + (index - (list.length - 1) / 2) * ROW;
      const [from, to] = left ? [self, self - 42] : [self + SELF, self + SELF + 42];
      const bend = (from + to) / 2;
      const share = local(peer);
      const kind = share !== null && share >= 0.5 ? "node" : peer.across_zones + peer.across_regions > peer.within_zone ? "zones" : "zone";
      const text = { x: left ? to - 5 : to + 5, "text-anchor": left ? ("end" as const) : ("start" as const) };
      return (
        <g key={peer.application}>
          <path class={`call ${kind}`} d={`M${from} ${middle}C${bend} ${middle} ${bend} ${y} ${to} ${y}`} stroke-width={0.8 + 6 * Math.sqrt(bytes(peer) / most)} />
          <a href={address(["map"], { application: peer.application })}>
            <text {...text} y={y - 1}>
              {cut(short(peer.application), letters)}
            </text>
          </a>
          <text {...text} class="dim" y={y + 11}>
            {rate(bytes(peer))}
          </text>
        </g>
      );
    });
  return (
    <figure class="calls">
      <svg viewBox={`0 0 ${WIDTH} ${height}`} role="group" aria-label="Calls; the table of peers has the same figures">
        {callers.length > 0 && (
          <text class="dim" x={self - 47} y="11" text-anchor="end">
            called by
          </text>
        )}
        {called.length > 0 && (
          <text class="dim" x={self + SELF + 47} y="11">
            calls
          </text>
        )}
        {side(callers, true, (peer) => peer.inbound)}
        {side(called, false, (peer) => peer.outbound)}
        <rect class="self" x={self} y={middle - 13} width={SELF} height="26" rx="6" />
        <text class="self" x={self + SELF / 2} y={middle + 4} text-anchor="middle">
          {cut(short(application), 12)}
        </text>
      </svg>
    </figure>
  );
}

function cut(name: string, most: number): string {
  const text = shown(name);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
