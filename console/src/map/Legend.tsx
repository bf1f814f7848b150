// What the lines and colours of the map mean; an application's name selects it.

import type { ClusterMap } from "../api/types";
import { count, percent, rate, short, shown } from "../format";
import { COLOURS, type MapModel } from "./model";

interface Props {
  map: ClusterMap;
  model: MapModel;
  application: string | null;
  /** None where it was selected. */
  select: (application: string | undefined) => void;
}

export function Legend({ map, model, application, select }: Props) {
  const coloured = model.colours
    .map((colour, index) => ({ colour, name: model.applications[index] ?? "" }))
    .filter(({ colour }) => colour < COLOURS)
    .sort((one, other) => one.colour - other.colour);
  const { shown: share, pairs } = map.node_flows;
  return (
    <div class="legend">
      <ul>
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
      {share !== null && share < 0.995 && (
        <p class="dim">
          The {count(map.node_flows.from.length)} heaviest of {count(pairs)} pairs of nodes are drawn, with {percent(share)} of the bytes between nodes; the heaviest carries{" "}
          {rate(Math.max(...map.node_flows.bytes_per_second))}.
        </p>
      )}
    </div>
  );
}
