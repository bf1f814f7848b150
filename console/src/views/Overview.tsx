// Beside the map when nothing is selected: what to look at first.

import type { ClusterMap } from "../api/types";
import { count, percent, rate } from "../format";
import { ApplicationLink } from "../parts/links";
import { acrossZones, local, Split } from "../parts/Split";
import { zoneName } from "../map/model";
import { Panel } from "./Panel";
import { shown } from "../format";

export function Overview({ map }: { map: ClusterMap }) {
  const leaving = map.applications.items
    .map((item) => ({ ...item, leaves: item.within_zone + acrossZones(item) }))
    .filter((item) => item.leaves > 0)
    .sort((one, other) => other.leaves - one.leaves)
    .slice(0, 10);
  return (
    <Panel kind="Overview" title="What leaves its node">
      {leaving.length === 0 && <p class="dim">Nothing does.</p>}
      <ol class="ranking">
        {leaving.map((item) => (
          <li key={item.application}>
            <ApplicationLink name={item.application} />
            <span class="figure">{rate(item.leaves)}</span>
            <Split totals={item} />
            <span class="figure dim">{percent(local(item))} local</span>
          </li>
        ))}
      </ol>
      {map.zones.length > 1 && (
        <>
          <h3>Zones</h3>
          <ol class="ranking">
            {[...map.zones]
              .sort((one, other) => other.beyond - one.beyond)
              .slice(0, 8)
              .map((zone, index) => (
                <li key={index}>
                  <span class="name">{shown(zoneName(zone.name, zone.region))}</span>
                  <span class="figure">{rate(zone.beyond)}</span>
                  <span class="dim">
                    {count(zone.nodes)} nodes, {count(zone.pods)} pods
                  </span>
                  <span class="figure dim">to other zones</span>
                </li>
              ))}
          </ol>
        </>
      )}
      {map.applications.total > leaving.length && (
        <p class="dim">{count(map.applications.total)} applications in all; search finds each, and the tables list them.</p>
      )}
    </Panel>
  );
}
