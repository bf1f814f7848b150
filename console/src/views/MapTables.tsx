// The map for those who would rather read: nodes, applications, pairs of nodes, zones.

import { useResource } from "../api/resource";
import type { Applications, ClusterMap } from "../api/types";
import { count, percent, rate, shown } from "../format";
import { localShare, type MapModel, type MapNode } from "../map/model";
import { ApplicationLink, NodeLink } from "../parts/links";
import { acrossZones, local } from "../parts/Split";
import { Table } from "../parts/Table";
import { useAddress } from "../router";
import { Far } from "./NodePanel";

const FAR = { node: 0, zone: 1, zones: 2, regions: 3 };

export function MapTables({ map, model, selected }: { map: ClusterMap; model: MapModel; selected: string | null }) {
  const [{ query }] = useAddress();
  const filter = new URLSearchParams({ limit: "500" });
  for (const key of ["namespace", "at_least", "at"]) if (query.get(key)) filter.set(key, query.get(key) ?? "");
  const applications = useResource<Applications>(`v1/applications?${filter}`, query.get("at") ? undefined : 15).data;
  const zone = (node: MapNode) => model.zones[node.zone]?.name ?? "";
  const name = (index: number) => model.nodes[index]?.name ?? "";
  return (
    <div class="map-tables">
      <Table
        caption={`Applications${applications && applications.total > applications.items.length ? `: ${applications.items.length} of ${count(applications.total)}, those with the most bytes that leave a node` : ""}`}
        rows={applications?.items ?? map.applications.items}
        id={(row) => row.application}
        page={25}
        columns={[
          { name: "application", by: (row) => row.application, cell: (row) => <ApplicationLink name={row.application} /> },
          { name: "pods", by: (row) => row.pods, cell: (row) => count(row.pods), figure: true },
          { name: "nodes", by: (row) => row.nodes, cell: (row) => count(row.nodes), figure: true },
          { name: "stays on a node", by: (row) => row.within_node, cell: (row) => rate(row.within_node), figure: true },
          { name: "within a zone", by: (row) => row.within_zone, cell: (row) => rate(row.within_zone), figure: true },
          { name: "across zones", by: acrossZones, cell: (row) => rate(acrossZones(row)), figure: true },
          { name: "local", by: local, cell: (row) => percent(local(row)), figure: true },
        ]}
      />
      <Table
        caption={`Nodes${map.nodes.left_out > 0 ? `; ${count(map.nodes.left_out)} with less traffic are left out` : ""}`}
        rows={model.nodes}
        id={(row) => row.name}
        sorted={[5, "down"]}
        selected={selected}
        page={25}
        columns={[
          { name: "node", by: (row) => row.name, cell: (row) => <NodeLink name={row.name} /> },
          { name: "zone", by: zone, cell: (row) => shown(zone(row)) },
          { name: "pods", by: (row) => row.pods, cell: (row) => count(row.pods), figure: true },
          { name: "CPU", by: (row) => row.cpu, cell: (row) => (row.cpu < 0 ? "–" : percent(row.cpu / 1000)), figure: true },
          { name: "stays here", by: (row) => row.within, cell: (row) => rate(row.within), figure: true },
          { name: "leaves", by: (row) => row.beyond, cell: (row) => rate(row.beyond), figure: true },
          { name: "local", by: localShare, cell: (row) => percent(localShare(row)), figure: true },
        ]}
      />
      <Table
        caption="Pairs of nodes, the heaviest"
        rows={model.curves}
        id={(row) => `${row.from} ${row.to}`}
        page={25}
        columns={[
          { name: "node", by: (row) => name(row.from), cell: (row) => <NodeLink name={name(row.from)} /> },
          { name: "and node", by: (row) => name(row.to), cell: (row) => <NodeLink name={name(row.to)} /> },
          { name: "how far", by: (row) => row.distance, cell: (row) => <Far distance={FAR[row.distance]} /> },
          { name: "both ways", by: (row) => row.bytes, cell: (row) => rate(row.bytes), figure: true },
        ]}
      />
    </div>
  );
}
