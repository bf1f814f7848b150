// One node: its room, what runs on it, where its bytes go.

import type { NodeDetail, Room } from "../api/types";
import type { Resource } from "../api/resource";
import { count, counted, percent, rate, shown, size } from "../format";
import { Bar } from "../parts/Bar";
import { ApplicationLink, NodeLink } from "../parts/links";
import { Notice } from "../parts/Notice";
import { local, placed, Split } from "../parts/Split";
import { Table } from "../parts/Table";
import { address } from "../router";
import { Panel } from "./Panel";

const DISTANCES = ["here", "within the zone", "across zones", "across regions"];

export function NodePanel({ name, resource, close }: { name: string; resource: Resource<NodeDetail>; close: () => void }) {
  const { data, error } = resource;
  const place = data && [data.zone, data.region].filter((part) => part !== null).map(shown);
  return (
    <Panel kind="Node" title={name} under={place?.join(" · ") || ""} close={close}>
      <Notice error={error} about="This node" />
      {data && (
        <>
          <p class="lead">
            {placed(data.totals) > 0 ? (
              <>
                <b>{percent(local(data.totals))}</b> of {rate(placed(data.totals))} stays here
              </>
            ) : (
              "No traffic"
            )}
          </p>
          <Split totals={data.totals} />
          {data.closed && <p class="notice">Closed to new pods (cordoned).</p>}
          <dl class="facts">
            <dt>Pods</dt>
            <dd>
              {count(data.pods)}
              {data.max_pods ? ` of ${count(data.max_pods)}` : ""}
            </dd>
            <Filled name="CPU requested" room={data.cpu_millicores} unit={(amount) => `${(amount / 1000).toFixed(2)} cores`} />
            <Filled name="Memory requested" room={data.memory_bytes} unit={size} />
          </dl>
          <Table
            caption="Applications here"
            rows={data.applications}
            id={(row) => row.application}
            columns={[
              { name: "application", by: (row) => row.application, cell: (row) => <ApplicationLink name={row.application} /> },
              { name: "pods", by: (row) => row.pods, cell: (row) => count(row.pods), figure: true },
              { name: "stays", by: (row) => row.within, cell: (row) => rate(row.within), figure: true },
              { name: "leaves", by: (row) => row.beyond, cell: (row) => rate(row.beyond), figure: true },
            ]}
            page={15}
          />
          <Table
            caption="Nodes that it exchanges most with"
            rows={data.peers}
            id={(row) => row.node}
            columns={[
              { name: "node", by: (row) => row.node, cell: (row) => <NodeLink name={row.node} /> },
              { name: "how far", by: (row) => row.distance, cell: (row) => <Far distance={row.distance} /> },
              { name: "both ways", by: (row) => row.bytes_per_second, cell: (row) => rate(row.bytes_per_second), figure: true },
            ]}
            page={10}
          />
          <Table
            caption="What stays here"
            rows={data.flows_within}
            id={(row) => `${row.application} ${row.peer}`}
            columns={[
              { name: "application", by: (row) => row.application, cell: (row) => <ApplicationLink name={row.application} /> },
              { name: "peer", by: (row) => row.peer, cell: (row) => <ApplicationLink name={row.peer} /> },
              { name: "both ways", by: (row) => row.bytes_per_second, cell: (row) => rate(row.bytes_per_second), figure: true },
            ]}
            page={10}
          />
          <Table
            caption="What leaves"
            rows={data.flows}
            id={(row) => `${row.application} ${row.peer} ${row.peer_node}`}
            columns={[
              { name: "application here", by: (row) => row.application, cell: (row) => <ApplicationLink name={row.application} /> },
              {
                name: "peer",
                by: (row) => row.peer,
                cell: (row) => (
                  <>
                    <ApplicationLink name={row.peer} /> <span class="dim">on</span> <NodeLink name={row.peer_node} />
                  </>
                ),
              },
              { name: "both ways", by: (row) => row.bytes_per_second, cell: (row) => rate(row.bytes_per_second), figure: true },
            ]}
            page={10}
          />
          {data.applications_left_out + data.peers_left_out > 0 && (
            <p class="dim">
              Left out: {counted(data.applications_left_out, "application")}, {counted(data.peers_left_out, "node")} with less.
            </p>
          )}
          <p>
            <a href={address(["decisions"], { node: name })}>Decisions about this node</a>
          </p>
        </>
      )}
    </Panel>
  );
}

export function Far({ distance }: { distance: number }) {
  return (
    <span class="far">
      <i class={`dot ${distance === 1 ? "zone" : "zones"}`} />
      {DISTANCES[distance] ?? "?"}
    </span>
  );
}

function Filled({ name, room: { allocatable, requested }, unit }: { name: string; room: Room; unit: (amount: number) => string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        {allocatable === 0 ? (
          <span class="dim">unknown</span>
        ) : (
          <>
            {unit(requested)} of {unit(allocatable)}
            <Bar share={requested / allocatable} kind="quiet" />
          </>
        )}
      </dd>
    </>
  );
}
