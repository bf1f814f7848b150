// What the map draws: nodes in zones, the pods of applications on them, and the bytes between nodes.

import type { ClusterMap } from "../api/types";

/** How far bytes go. */
export type Distance = "zone" | "zones" | "regions";

const DISTANCES: Distance[] = ["zone", "zones", "regions"];

export interface MapNode {
  name: string;
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
  const { nodes: columns, node_flows: flows, placements } = map;
  const nodes: MapNode[] = columns.names.map((name, index) => ({
    name: columns.prefix + name + columns.suffix,
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
    curves: flows.from.map((from, index) => ({
      from,
      to: flows.to[index] ?? 0,
      bytes: flows.bytes_per_second[index] ?? 0,
      distance: DISTANCES[(flows.distance[index] ?? 1) - 1] ?? "zone",
    })),
    zoneCurves: map.zone_flows.map(({ zones: [from, to], bytes_per_second: bytes }) => ({ from, to, bytes })),
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

/** Curves of one application, where it is known which pods are where: its bytes with each peer, spread evenly over both's pods. */
export function curvesOf(model: MapModel, application: string, peers: { application: string; bytes: number }[]): Curve[] {
  const places = (name: string) => {
    const index = model.applications.indexOf(name);
    const found: { node: number; pods: number }[] = [];
    model.nodes.forEach((node, at) => {
      const pods = node.groups?.find((group) => group.application === index)?.pods ?? 0;
      if (pods > 0) found.push({ node: at, pods });
    });
    return { found, all: found.reduce((sum, place) => sum + place.pods, 0) };
  };
  const own = places(application);
  const sums = new Map<string, Curve>();
  for (const peer of peers) {
    const other = places(peer.application);
    for (const here of own.found) {
      for (const there of other.found) {
        if (here.node === there.node) continue;
        const [from, to] = here.node < there.node ? [here.node, there.node] : [there.node, here.node];
        const bytes = peer.bytes * (here.pods / own.all) * (there.pods / other.all);
        const same = model.nodes[from]?.zone === model.nodes[to]?.zone;
        const curve = sums.get(`${from} ${to}`) ?? { from, to, bytes: 0, distance: same ? ("zone" as const) : ("zones" as const) };
        curve.bytes += bytes;
        sums.set(`${from} ${to}`, curve);
      }
    }
  }
  return [...sums.values()].filter((curve) => curve.bytes > 0).sort((one, other) => other.bytes - one.bytes);
}
