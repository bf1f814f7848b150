// What the map draws: nodes in zones, the pods of applications on them, and the bytes between nodes.

import type { ClusterMap } from "../api/types";

/** How far bytes go. */
export type Distance = "node" | "zone" | "zones" | "regions";

const DISTANCES: Distance[] = ["node", "zone", "zones", "regions"];

export interface MapNode {
  name: string;
  /** The part of it that is not in all names. */
  part: string;
  zone: number;
  pods: number;
  within: number;
  beyond: number;
  closed: boolean;
  cpu: number;
  memory: number;
  /** How many pods of which application, by the application's place in the model; none where that is not known. */
  groups: { application: number; pods: number }[] | null;
}

export interface Curve {
  from: number;
  to: number;
  bytes: number;
  distance: Distance;
}

export interface MapZone {
  name: string;
  nodes: number[];
  within: number;
  beyond: number;
  pods: number;
}

export interface MapModel {
  zones: MapZone[];
  nodes: MapNode[];
  curves: Curve[];
  /** Of all bytes between nodes, the share that the curves carry. */
  carried: number;
  /** Between zones, by their places. */
  zoneCurves: { from: number; to: number; bytes: number }[];
  applications: string[];
  /** Of each application its colour, 0 to [`COLOURS`]; the last one is that of all others. */
  colours: number[];
}

/** Applications with a colour of their own. */
export const COLOURS = 10;

/** The share of a node's bytes that stays on it; none without traffic. */
export function localShare(node: { within: number; beyond: number }): number | null {
  const all = node.within + node.beyond;
  return all > 0 ? node.within / all : null;
}

export function zoneName(name: string | null, region: string | null): string {
  if (name === null) return region === null ? "no zone label" : `${region}, no zone label`;
  return name;
}

export function model(map: ClusterMap): MapModel {
  const { nodes: columns, placements } = map;
  const nodes: MapNode[] = columns.names.map((name, index) => ({
    name: columns.prefix + name + columns.suffix,
    part: name,
    zone: columns.zone[index] ?? 0,
    pods: columns.pods[index] ?? 0,
    within: columns.within[index] ?? 0,
    beyond: columns.beyond[index] ?? 0,
    closed: columns.closed[index] === 1,
    cpu: columns.cpu[index] ?? -1,
    memory: columns.memory[index] ?? -1,
    groups: placements ? [] : null,
  }));
  const zones: MapZone[] = map.zones.map((zone) => ({
    name: zoneName(zone.name, zone.region),
    nodes: [],
    within: zone.within_node,
    beyond: zone.within_zone + zone.beyond,
    pods: zone.pods,
  }));
  nodes.forEach((node, index) => zones[node.zone]?.nodes.push(index));
  const applications = placements?.applications ?? map.applications.items.map((item) => item.application);
  for (const [entry, node] of (placements?.node ?? []).entries()) {
    nodes[node]?.groups?.push({ application: placements?.application[entry] ?? 0, pods: placements?.pods[entry] ?? 0 });
  }
  const colours = colour(map, applications);
  for (const node of nodes) node.groups?.sort((one, other) => order(colours, one.application, other.application));
  return {
    zones,
    nodes,
    curves: curves(map),
    carried: map.node_flows.shown ?? 1,
    zoneCurves: map.zone_flows.map(({ zones: [from = 0, to = 0], bytes_per_second: bytes }) => ({ from, to, bytes })),
    applications,
    colours,
  };
}

function order(colours: number[], one: number, other: number): number {
  return (colours[one] ?? COLOURS) - (colours[other] ?? COLOURS) || one - other;
}

/** The applications with the most traffic have colours of their own, the same ones whatever else is shown. */
function colour(map: ClusterMap, applications: string[]): number[] {
  const total = (item: ClusterMap["applications"]["items"][number]) =>
    item.within_node + item.within_zone + item.across_zones + item.across_regions + item.unplaced;
  const heaviest = [...map.applications.items].sort((one, other) => total(other) - total(one)).slice(0, COLOURS);
  const place = new Map(heaviest.map((item, index) => [item.application, index]));
  return applications.map((application) => place.get(application) ?? COLOURS);
}

/** The curves of another answer about the same cluster, between the nodes of this model. */
export function curvesBetween(model: MapModel, map: ClusterMap): Curve[] {
  const places = new Map(model.nodes.map((node, index) => [node.name, index]));
  const { prefix, suffix, names } = map.nodes;
  const place = (index: number | undefined) => places.get(prefix + (names[index ?? -1] ?? "") + suffix);
  return curves(map).flatMap((curve) => {
    const [from, to] = [place(curve.from), place(curve.to)];
    return from === undefined || to === undefined ? [] : [{ ...curve, from, to }];
  });
}

function curves({ node_flows: flows }: ClusterMap): Curve[] {
  return flows.from.map((from, index) => ({
    from,
    to: flows.to[index] ?? 0,
    bytes: flows.bytes_per_second[index] ?? 0,
    distance: DISTANCES[flows.distance[index] ?? 1] ?? "zone",
  }));
}
