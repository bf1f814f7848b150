// What stays on an opened node: curves from dot to dot inside its card.

import { type Course, type Drawn, step, trace } from "./curves";
import { type Dots, ends } from "./dots";
import type { PodFlow } from "./flows";
import type { Box, Point } from "./layout";

/** How far a curve bows out for its length, and how far at least beyond the dots' edge. */
const BOW = 0.3;
const CLEAR = 2;

/** What curves keep free in a card: its sides, the name above, the figures below. */
const KEPT = { side: 4, above: 22, below: 22 };

/** A flow between two groups of dots; none where it has no dots at one of its ends. */
export function within(box: Box, [one, other]: readonly [Dots | undefined, Dots | undefined], flow: PodFlow, most: number): Drawn<PodFlow>[] {
  if (!one || !other) return [];
  const courses = strands(box, one, other);
  const path = new Path2D();
  for (const course of courses) trace(path, course);
  return courses.length === 0 ? [] : [{ curve: flow, path, step: step(flow.bytes / courses.length, most), box }];
}

/** From each pod of one application to each of the other, or to the middle of many; within an application between its pods. */
export function strands(box: Box, one: Dots, other: Dots): Course[] {
  const [from, to] = [ends(one), ends(other)];
  const radius = Math.max(one.radius, other.radius);
  if (one !== other) return from.flatMap((start) => to.map((end) => bow(box, start, end, radius)));
  if (from.length === 1) return from.map((at) => loop(box, at, radius));
  return from.flatMap((start, index) => from.slice(index + 1).map((end) => bow(box, start, end, radius)));
}

/** Past the dots in between: of two below one another to the left, of two in a row below. */
function bow(box: Box, from: Point, to: Point, radius: number): Course {
  const down = from.y < to.y || (from.y === to.y && from.x <= to.x);
  const [start, end] = down ? [from, to] : [to, from];
  const [x, y] = [end.x - start.x, end.y - start.y];
  const length = Math.hypot(x, y);
  if (length === 0) return loop(box, start, radius);
  const far = Math.max(BOW * length, radius + CLEAR);
  const middle = { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 };
  const apex = kept(box, { x: middle.x - (y / length) * far, y: middle.y + (x / length) * far });
  // A cubic curve comes three quarters as far as its controls are.
  const out = { x: (apex.x - middle.x) / 0.75, y: (apex.y - middle.y) / 0.75 };
  return [start, { x: start.x + x * 0.2 + out.x, y: start.y + y * 0.2 + out.y }, { x: end.x - x * 0.2 + out.x, y: end.y - y * 0.2 + out.y }, end];
}

/** From a dot to itself, on its left. */
function loop(box: Box, at: Point, radius: number): Course {
  const reach = (at.x - kept(box, { x: at.x - radius - 3 * CLEAR, y: at.y }).x) / 0.75;
  return [at, { x: at.x - reach, y: at.y - reach }, { x: at.x - reach, y: at.y + reach }, at];
}

function kept(box: Box, { x, y }: Point): Point {
  return {
    x: Math.min(box.x + box.width - KEPT.side, Math.max(box.x + KEPT.side, x)),
    y: Math.min(box.y + box.height - KEPT.below, Math.max(box.y + KEPT.above, y)),
  };
}
