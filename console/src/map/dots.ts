// Where the dots of a card are, a pod each: of few applications each has a line, on which its name follows; more of them share a grid.

import { type Box, CARD, type Point } from "./layout";
import type { MapNode } from "./model";

export type Groups = NonNullable<MapNode["groups"]>;

/** Widths of a card on the screen, in pixels, from which it has dots, and text. */
export const WITH_DOTS = 34;
export const WITH_TEXT = 92;

/** Most applications on a card that are named there, the height of their lines, and most dots in one. */
const NAMED = 4;
export const LINE = 14;
export const DOTS = 4;

export interface Dots {
  application: number;
  at: Point[];
  radius: number;
}

export function named(groups: Groups, withText: boolean): boolean {
  return withText && groups.length <= NAMED;
}

/** In the order of the groups. */
export function dots(box: Box, groups: Groups, withText: boolean): Dots[] {
  if (named(groups, withText)) {
    return groups.map(({ application, pods }, row) => {
      const at = Array.from({ length: Math.min(pods, DOTS) }, (_, pod) => ({ x: box.x + 15 + pod * 10, y: box.y + 32 + row * LINE }));
      return { application, at, radius: 4 };
    });
  }
  const { pitch, perRow } = grid(groups.reduce((sum, group) => sum + group.pods, 0));
  let place = 0;
  return groups.map(({ application, pods }) => {
    const at = Array.from({ length: pods }, () => {
      const [column, row] = [place % perRow, Math.floor(place / perRow)];
      place += 1;
      return { x: box.x + 10 + (column + 0.5) * pitch, y: box.y + 28 + (row + 0.5) * pitch };
    });
    return { application, at, radius: pitch * 0.4 };
  });
}

/** Where the curves of these dots end: at each, or in the middle of many. */
export function ends({ at }: Dots): Point[] {
  if (at.length <= DOTS) return at;
  const mean = (of: (point: Point) => number) => at.reduce((sum, point) => sum + of(point), 0) / at.length;
  return [{ x: mean((point) => point.x), y: mean((point) => point.y) }];
}

/** A regular grid of places in a card for this many dots, as large as they can be. */
function grid(count: number): { pitch: number; perRow: number } {
  const inner = { width: CARD.width - 20, height: CARD.height - 50 };
  let pitch = 18;
  while (pitch > 1.5 && Math.floor(inner.width / pitch) * Math.floor(inner.height / pitch) < count) pitch *= 0.93;
  return { pitch, perRow: Math.max(1, Math.floor(inner.width / pitch)) };
}
