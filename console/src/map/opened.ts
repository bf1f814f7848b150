// An opened node: what its pods exchange with those elsewhere, from dot to dot. Flows to the same node run side by side.

import type { NodeDetail } from "../api/types";
import { along, type Band, course, type Drawn, OUT, type Port, routes, spread, step } from "./curves";
import { dots, DOTS } from "./dots";
import type { Layout, Point } from "./layout";
import type { Curve, MapModel } from "./model";

/** What an application on the opened node exchanges with one on another node. */
export interface PodFlow extends Curve {
  /** The one on the opened node, and the one elsewhere. */
  applications: [string, string];
}

export interface Opened {
  curves: Drawn<PodFlow>[];
  /** From the side of a card to dots in it: where these share a grid, and where they stand beside names. */
  branches: { grid: Band[]; named: Band[] };
  /** With branches in their cards. */
  nodes: number[];
}

/** How far apart flows to the same node are, in units of the map, and what part of a card's side they may take. */
const LANE = 5;
const ROOM = 0.8;

/** The flows of an opened node that the map has both ends of: with the filter's namespace, and at least so many bytes per second. */
export function podFlows(model: MapModel, detail: NodeDetail, namespace: string, least: number): PodFlow[] {
  const places = new Map(model.nodes.map((node, index) => [node.name, index]));
  const from = places.get(detail.node);
  if (from === undefined) return [];
  const far = new Map(detail.peers.map((peer) => [peer.node, peer.distance]));
  const zone = (node: number) => model.nodes[node]?.zone;
  return detail.flows.flatMap(({ application, peer, peer_node: node, bytes_per_second: bytes }) => {
    const to = places.get(node);
    const wanted = namespace === "" || [application, peer].some((name) => name.startsWith(`${namespace}/`));
    if (to === undefined || !wanted || bytes < least) return [];
    const distance = far.get(node) ?? (zone(from) === zone(to) ? 1 : 2);
    return [{ from, to, bytes, distance: distance === 1 ? "zone" : distance === 2 ? "zones" : "regions", applications: [application, peer] } satisfies PodFlow];
  });
}

/** The flows in their layout, the heaviest first; `most` is the weight of the widest. */
export function opened(model: MapModel, layout: Layout, flows: PodFlow[], most: number): Opened {
  const byNode = new Map<number, PodFlow[]>();
  for (const flow of flows) byNode.set(flow.to, [...(byNode.get(flow.to) ?? []), flow]);
  const bundles = routes(layout, [...byNode.values()].flatMap(([heaviest]) => heaviest ?? []));
  spread(bundles.flatMap(({ ports }) => [...ports]));
  const places = new Map(model.applications.map((name, index) => [name, index]));
  const found: Opened = { curves: [], branches: { grid: [], named: [] }, nodes: [] };
  for (const { curve, ports, around } of bundles) {
    const lanes = byNode.get(curve.to) ?? [];
    lanes.forEach((flow, lane) => {
      const ends = [beside(ports[0], lane, lanes.length, bundles.length), beside(ports[1], lane, lanes.length, 1)] as const;
      found.curves.push(along(flow, course(ends, around), most));
      ends.forEach((end, index) => {
        const application = places.get(flow.applications[index] ?? "") ?? -1;
        for (const withText of [false, true]) {
          const branches = branch(model, end, index === 0 ? flow.from : flow.to, application, flow, most, withText);
          found.branches[withText ? "named" : "grid"].push(...branches);
        }
      });
    });
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
  const pods = dots(box, model.nodes[node]?.groups ?? [], withText).find((group) => group.application === application)?.at ?? [];
  const ends = pods.length <= DOTS ? pods : [middle(pods)];
  return ends.map((end) => {
    const path = new Path2D();
    const reach = Math.hypot(end.x - at.x, end.y - at.y) * 0.5;
    path.moveTo(at.x, at.y);
    path.quadraticCurveTo(at.x - OUT[side].x * reach, at.y - OUT[side].y * reach, end.x, end.y);
    return { distance: flow.distance, step: step(flow.bytes / ends.length, most), path };
  });
}

function middle(points: Point[]): Point {
  const mean = (of: (point: Point) => number) => points.reduce((sum, point) => sum + of(point), 0) / points.length;
  return { x: mean((point) => point.x), y: mean((point) => point.y) };
}
