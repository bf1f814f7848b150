// The course of curves between nodes: those between the same two zones run together through one gate, so that many read as one band.

import type { Box, Layout, Point } from "./layout";
import type { Curve, Distance, MapModel } from "./model";

export interface Drawn<C extends Curve = Curve> {
  curve: C;
  path: Path2D;
  /** 1 to [`STEPS`]. */
  step: number;
  box: Box;
}

/** Curves of about the same weight, to be drawn in one go. */
export interface Band {
  distance: Distance;
  step: number;
  path: Path2D;
}

/** Widths that are told apart. */
export const STEPS = 7;

/** How wide a curve of this step is on the screen, in pixels. */
export function width(step: number): number {
  return 0.8 + (step / STEPS) ** 1.4 * 8;
}

const centre = (box: Box): Point => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 });
const between = (one: Point, other: Point, share: number): Point => ({
  x: one.x + (other.x - one.x) * share,
  y: one.y + (other.y - one.y) * share,
});

/** Where the line from the middle of a box towards a point leaves it. */
function edge(box: Box, towards: Point): Point {
  const middle = centre(box);
  const x = towards.x - middle.x;
  const y = towards.y - middle.y;
  if (x === 0 && y === 0) return middle;
  const share = Math.min(box.width / 2 / Math.max(Math.abs(x), 1e-6), box.height / 2 / Math.max(Math.abs(y), 1e-6));
  return { x: middle.x + x * Math.min(1, share), y: middle.y + y * Math.min(1, share) };
}

/** Where curves between two zones meet: between them, or around those that are in the way. */
export function gate(layout: Layout, from: number, to: number): Point {
  const [one, other] = [layout.zones[from], layout.zones[to]];
  if (!one || !other) return { x: 0, y: 0 };
  const middle = between(centre(one), centre(other), 0.5);
  const inTheWay = layout.zones.some(
    (zone, index) =>
      index !== from && index !== to && middle.x > zone.x && middle.x < zone.x + zone.width && middle.y > zone.y && middle.y < zone.y + zone.height,
  );
  if (!inTheWay) {
    // Halfway between the edges that face each other, not between the middles of zones of unequal size.
    return between(edge(one, centre(other)), edge(other, centre(one)), 0.5);
  }
  const row = Math.max(one.y + one.height, other.y + other.height);
  return Math.abs(one.y - other.y) < 1 ? { x: middle.x, y: row + 30 } : { x: Math.max(one.x + one.width, other.x + other.width) + 27, y: middle.y };
}

type Side = "left" | "right" | "top" | "bottom";

/** Outwards from a side. */
export const OUT: Record<Side, Point> = { left: { x: -1, y: 0 }, right: { x: 1, y: 0 }, top: { x: 0, y: -1 }, bottom: { x: 0, y: 1 } };

/** Where a curve leaves a card. */
export interface Port {
  box: Box;
  side: Side;
  /** Where it goes, along the side. */
  along: number;
  at: Point;
}

/** Most nodes of a map whose curves each leave their card at a place of their own; of more, they run in bundles. */
const APART = 40;

function facing(box: Box, towards: Point): Side {
  const middle = centre(box);
  const [x, y] = [(towards.x - middle.x) / box.width, (towards.y - middle.y) / box.height];
  if (Math.abs(x) >= Math.abs(y) * 0.75) return x > 0 ? "right" : "left";
  return y > 0 ? "bottom" : "top";
}

/** Ports on the sides of cards, spread so that curves do not lie upon one another, in the order of where they go. */
export function spread(ports: Port[]): void {
  const sides = new Map<string, Port[]>();
  for (const port of ports) {
    const key = `${port.box.x} ${port.box.y} ${port.side}`;
    sides.set(key, [...(sides.get(key) ?? []), port]);
  }
  for (const group of sides.values()) {
    group.sort((one, other) => one.along - other.along);
    group.forEach((port, index) => {
      const { box, side } = port;
      const share = 0.5 + ((index + 1) / (group.length + 1) - 0.5) * 0.8;
      const upright = side === "left" || side === "right";
      port.at = {
        x: upright ? (side === "left" ? box.x : box.x + box.width) : box.x + box.width * share,
        y: upright ? box.y + box.height * share : side === "top" ? box.y : box.y + box.height,
      };
    });
  }
}

/** Which way a curve takes. */
export interface Route<C extends Curve> {
  curve: C;
  ports: readonly [Port, Port];
  /** Around cards that are in the way. */
  around: boolean;
}

/** The way of each curve, from port to port. */
export function routes<C extends Curve>(layout: Layout, curves: C[]): Route<C>[] {
  return curves.flatMap((curve) => {
    const [a, b] = [layout.nodes[curve.from], layout.nodes[curve.to]];
    if (!a || !b) return [];
    // Cards between two in the same row or column are passed outside of it.
    const blocked = passed(layout, a, b);
    const port = (box: Box, other: Box): Port => {
      const towards = centre(other);
      const side = blocked ?? facing(box, towards);
      return { box, side, along: side === "left" || side === "right" ? towards.y : towards.x, at: towards };
    };
    return [{ curve, ports: [port(a, b), port(b, a)] as const, around: blocked !== null }];
  });
}

/** A curve's beginning, its two controls, and its end. */
export type Course = [Point, Point, Point, Point];

/** From place to place, out of the sides of both ports. */
export function course([one, other]: readonly [Port, Port], around: boolean): Course {
  const far = Math.hypot(one.at.x - other.at.x, one.at.y - other.at.y);
  const reach = around ? Math.max(40, far * 0.22) : far * 0.45;
  const out = ({ at, side }: Port) => ({ x: at.x + OUT[side].x * reach, y: at.y + OUT[side].y * reach });
  return [one.at, out(one), out(other), other.at];
}

/** The course of a curve that is one of very many: through the middle of its zone's cards, or the gate between two zones. */
function bundled(model: MapModel, layout: Layout, { from, to }: Curve, [{ box: a }, { box: b }]: readonly [Port, Port]): Course {
  const [p, q] = [centre(a), centre(b)];
  const [one, other] = [model.nodes[from]?.zone ?? 0, model.nodes[to]?.zone ?? 0];
  if (one === other) {
    const bow = 0.14;
    const control = { x: (p.x + q.x) / 2 - (q.y - p.y) * bow, y: (p.y + q.y) / 2 + (q.x - p.x) * bow };
    return [p, control, control, q];
  }
  const meet = gate(layout, one, other);
  return [p, between(p, meet, 0.85), between(q, meet, 0.85), q];
}

/** The curves of a model in its layout, the heaviest first; `most` is the weight of the widest. */
export function drawn(model: MapModel, layout: Layout, curves: Curve[], most: number): Drawn[] {
  const apart = model.nodes.length <= APART;
  const planned = routes(layout, curves);
  if (apart) spread(planned.flatMap(({ ports }) => [...ports]));
  return planned.map(({ curve, ports, around }) => along(curve, apart ? course(ports, around) : bundled(model, layout, curve, ports), most));
}

/** A curve on its course. */
export function along<C extends Curve>(curve: C, points: Course, most: number): Drawn<C> {
  const path = new Path2D();
  trace(path, points);
  return { curve, path, step: step(curve.bytes, most), box: around(points) };
}

export function trace(path: Path2D, [from, one, other, to]: Course): void {
  path.moveTo(from.x, from.y);
  path.bezierCurveTo(one.x, one.y, other.x, other.y, to.x, to.y);
}

/** The width of so many bytes where the widest curve has `most`. */
export function step(bytes: number, most: number): number {
  return Math.max(1, Math.min(STEPS, Math.ceil(Math.sqrt(bytes / most) * STEPS)));
}

/** The side by which two cards of one row or column go around those between them; none if there are none. */
function passed(layout: Layout, a: Box, b: Box): Side | null {
  const [p, q] = [centre(a), centre(b)];
  const row = p.y === q.y;
  if (!row && p.x !== q.x) return null;
  const inTheWay = layout.nodes.some((box) => {
    const middle = centre(box);
    return row
      ? middle.y === p.y && middle.x > Math.min(p.x, q.x) && middle.x < Math.max(p.x, q.x)
      : middle.x === p.x && middle.y > Math.min(p.y, q.y) && middle.y < Math.max(p.y, q.y);
  });
  if (!inTheWay) return null;
  if (row) return p.y < layout.height / 2 ? "top" : "bottom";
  return p.x < layout.width / 2 ? "left" : "right";
}

function around(points: Point[]): Box {
  const [xs, ys] = [points.map((point) => point.x), points.map((point) => point.y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

/** Curves joined by distance and width: some dozen strokes, however many there are. */
export function bands(curves: Drawn[]): Band[] {
  const found = new Map<string, Band>();
  for (const { curve, path, step } of curves) {
    const key = `${curve.distance} ${step}`;
    const band = found.get(key) ?? { distance: curve.distance, step, path: new Path2D() };
    band.path.addPath(path);
    found.set(key, band);
  }
  return [...found.values()].sort((one, other) => other.step - one.step);
}
