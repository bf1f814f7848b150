// An opened node: what its pods exchange with those elsewhere and with one another, from dot to dot. Flows to the same node run side
// by side.

import { along, type Band, course, type Drawn, OUT, type Port, routes, spread, step } from "./curves";
import { dots, ends } from "./dots";
import { type PodFlow, stays } from "./flows";
import type { Layout } from "./layout";
import type { MapModel } from "./model";
import { within } from "./within";

export interface Opened {
  /** To other nodes. */
  curves: Drawn<PodFlow>[];
  /** From the side of a card to dots in it: where these share a grid, and where they stand beside names. */
  branches: { grid: Band[]; named: Band[] };
  /** Inside the card, the heaviest first: the same two ways. */
  within: { grid: Drawn<PodFlow>[]; named: Drawn<PodFlow>[] };
  /** With branches in their cards. */
  nodes: number[];
}

/** How far apart flows to the same node are, in units of the map, and what part of a card's side they may take. */
const LANE = 5;
const ROOM = 0.8;

/** The flows in their layout, the heaviest first; `most` is the weight of the widest. */
export function opened(model: MapModel, layout: Layout, flows: PodFlow[], most: number): Opened {
  const byNode = new Map<number, PodFlow[]>();
  for (const flow of flows.filter((flow) => !stays(flow))) byNode.set(flow.to, [...(byNode.get(flow.to) ?? []), flow]);
  const bundles = routes(layout, [...byNode.values()].flatMap(([heaviest]) => heaviest ?? []));
  spread(bundles.flatMap(({ ports }) => [...ports]));
  const places = new Map(model.applications.map((name, index) => [name, index]));
  const found: Opened = { curves: [], branches: { grid: [], named: [] }, within: { grid: [], named: [] }, nodes: [] };
  for (const { curve, ports, around } of bundles) {
    const lanes = byNode.get(curve.to) ?? [];
    lanes.forEach((flow, lane) => {
      const sides = [beside(ports[0], lane, lanes.length, bundles.length), beside(ports[1], lane, lanes.length, 1)] as const;
      found.curves.push(along(flow, course(sides, around), most));
      sides.forEach((end, index) => {
        const application = places.get(flow.applications[index] ?? "") ?? -1;
        for (const withText of [false, true]) {
          const branches = branch(model, end, index === 0 ? flow.from : flow.to, application, flow, most, withText);
          found.branches[withText ? "named" : "grid"].push(...branches);
        }
      });
    });
  }
  for (const flow of flows.filter(stays)) {
    const box = layout.nodes[flow.from];
    if (!box) continue;
    const applications = flow.applications.map((name) => places.get(name));
    for (const withText of [false, true]) {
      const groups = dots(box, model.nodes[flow.from]?.groups ?? [], withText);
      const [one, other] = applications.map((application) => groups.find((group) => group.application === application));
      found.within[withText ? "named" : "grid"].push(...within(box, [one, other], flow, most));
    }
  }
  found.curves.sort((one, other) => other.curve.bytes - one.curve.bytes);
  found.nodes = [...new Set(flows.flatMap(({ from, to }) => [from, to]))];
  return found;
}

/** The place of one of the lanes of a port. */
function beside(port: Port, lane: number, lanes: number, bundles: number): Port {
  const upright = port.side === "left" || port.side === "right";
  const room = ((upright ? port.box.height : port.box.width) * ROOM) / (bundles + 1);
  const off = (lane - (lanes - 1) / 2) * Math.min(LANE, room / lanes);
  return { ...port, at: upright ? { x: port.at.x, y: port.at.y + off } : { x: port.at.x + off, y: port.at.y } };
}

/** From a port to the pods of an application, each with its part; of many to the middle of them. */
function branch(model: MapModel, { box, side, at }: Port, node: number, application: number, flow: PodFlow, most: number, withText: boolean): Band[] {
  const pods = dots(box, model.nodes[node]?.groups ?? [], withText).find((group) => group.application === application);
  const reached = pods ? ends(pods) : [];
  return reached.map((end) => {
    const path = new Path2D();
    const reach = Math.hypot(end.x - at.x, end.y - at.y) * 0.5;
    path.moveTo(at.x, at.y);
    path.quadraticCurveTo(at.x - OUT[side].x * reach, at.y - OUT[side].y * reach, end.x, end.y);
    return { distance: flow.distance, step: step(flow.bytes / reached.length, most), path };
  });
}
