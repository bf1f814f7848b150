// What the lines and colours of the map mean; an application's name selects it.

import type { ClusterMap, NodeDetail } from "../api/types";
import { count, counted, percent, rate, short, shown } from "../format";
import { COLOURS, type MapModel } from "./model";
import { type PodFlow, stays } from "./flows";

interface Props {
  map: ClusterMap;
  model: MapModel;
  application: string | null;
  /** None where it was selected. */
  select: (application: string | undefined) => void;
  /** The node whose pods' flows are drawn, and these. */
  opened: NodeDetail | null;
  podFlows: PodFlow[] | null;
}

export function Legend({ map, model, application, select, opened, podFlows }: Props) {
  const coloured = model.colours
    .map((colour, index) => ({ colour, name: model.applications[index] ?? "" }))
    .filter(({ colour }) => colour < COLOURS)
    .sort((one, other) => one.colour - other.colour);
  const { shown: share, pairs } = map.node_flows;
  const [within, beyond] = [true, false].map((kind) => (podFlows ?? []).filter((flow) => stays(flow) === kind)) as [PodFlow[], PodFlow[]];
  return (
    <div class="legend">
      <ul>
        {within.length > 0 && (
          <li>
            <i class="line node" />
            within the node
          </li>
        )}
        <li>
          <i class="line zone" />
          within a zone
        </li>
        <li>
          <i class="line zones" />
          across zones
        </li>
        {model.nodes.some((node) => node.groups) ? (
          coloured.map(({ colour, name }) => (
            <li key={name}>
              <button type="button" class="plain" aria-pressed={application === name} onClick={() => select(application === name ? undefined : name)}>
                <i class={`dot app-${colour}`} />
                {shown(short(name))}
              </button>
            </li>
          ))
        ) : (
          <li>
            <i class="scale" />
            0 to 100% stays on the node
          </li>
        )}
      </ul>
      {opened && beyond.length > 0 && (
        <p class="dim">
          From the pods of {shown(opened.node)} to those elsewhere {counted(beyond.length, "flow")} {beyond.length === 1 ? "is" : "are"} drawn, with{" "}
          {percent(carried(beyond, left(opened)))} of the bytes that leave it.
        </p>
      )}
      {opened && within.length > 0 && (
        <p class="dim">
          Between the pods of {shown(opened.node)} {counted(within.length, "flow")} {within.length === 1 ? "is" : "are"} drawn, with{" "}
          {percent(carried(within, opened.totals.within_node))} of the bytes that stay on it.
        </p>
      )}
      {share !== null && share < 0.995 && (
        <p class="dim">
          The {count(map.node_flows.from.length)} heaviest of {count(pairs)} pairs of nodes are drawn, with {percent(share)} of the bytes between nodes; the heaviest carries{" "}
          {rate(Math.max(...map.node_flows.bytes_per_second))}.
        </p>
      )}
    </div>
  );
}

function left({ totals }: NodeDetail): number {
  return totals.within_zone + totals.across_zones + totals.across_regions;
}

/** The share of the bytes that the flows carry. */
function carried(flows: PodFlow[], bytes: number): number {
  const share = flows.reduce((sum, flow) => sum + flow.bytes, 0) / bytes;
  // Sums of the same in another order differ.
  return share > 1 - 1e-9 ? 1 : share;
}
