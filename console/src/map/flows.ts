// What the pods of an opened node exchange: with those elsewhere, and with one another.

import type { NodeDetail } from "../api/types";
import type { Curve, MapModel } from "./model";

/** What two applications exchange, one of them on the opened node; where both are, the curve is from that node to itself. */
export interface PodFlow extends Curve {
  /** The one on the opened node, and the other. */
  applications: [string, string];
}

/** The flows of an opened node that the map has both ends of: with the filter's namespace, and at least so many bytes per second. */
export function podFlows(model: MapModel, detail: NodeDetail, namespace: string, least: number): PodFlow[] {
  const wanted = ({ applications, bytes }: PodFlow) =>
    bytes >= least && (namespace === "" || applications.some((name) => name.startsWith(`${namespace}/`)));
  return [...leaving(model, detail), ...staying(model, detail)].filter(wanted);
}

/** Whether both ends are on the opened node. */
export function stays(flow: PodFlow): boolean {
  return flow.distance === "node";
}

function leaving(model: MapModel, detail: NodeDetail): PodFlow[] {
  const places = new Map(model.nodes.map((node, index) => [node.name, index]));
  const from = places.get(detail.node);
  if (from === undefined) return [];
  const far = new Map(detail.peers.map((peer) => [peer.node, peer.distance]));
  const zone = (node: number) => model.nodes[node]?.zone;
  return detail.flows.flatMap(({ application, peer, peer_node: node, bytes_per_second: bytes }) => {
    const to = places.get(node);
    if (to === undefined) return [];
    const distance = far.get(node) ?? (zone(from) === zone(to) ? 1 : 2);
    return [{ from, to, bytes, distance: distance === 1 ? "zone" : distance === 2 ? "zones" : "regions", applications: [application, peer] } satisfies PodFlow];
  });
}

/** Those between pods that the map has as dots. */
function staying(model: MapModel, detail: NodeDetail): PodFlow[] {
  const node = model.nodes.findIndex(({ name }) => name === detail.node);
  const here = new Set((model.nodes[node]?.groups ?? []).map((group) => model.applications[group.application]));
  return detail.flows_within
    .filter(({ application, peer }) => here.has(application) && here.has(peer))
    .map(({ application, peer, bytes_per_second: bytes }) => ({ from: node, to: node, bytes, distance: "node", applications: [application, peer] }));
}
