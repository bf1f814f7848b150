// One application: who it talks to, where it runs, where its next replica would be best.

import { useMemo } from "preact/hooks";
import type { ApplicationDetail, Candidate } from "../api/types";
import type { Resource } from "../api/resource";
import { count, counted, namespaceOf, percent, rate, sentence, short, shown, size } from "../format";
import { Bar } from "../parts/Bar";
import { CallGraph } from "../parts/CallGraph";
import { ApplicationLink, NodeLink } from "../parts/links";
import { Notice } from "../parts/Notice";
import { local, placed, Split } from "../parts/Split";
import { Table } from "../parts/Table";
import { address } from "../router";
import { empty } from "../words";
import { Panel } from "./Panel";

export function ApplicationPanel({ name, resource, close }: { name: string; resource: Resource<ApplicationDetail>; close: () => void }) {
  const { data, error } = resource;
  const peers = useMemo(() => data?.peers ?? [], [data]);
  return (
    <Panel kind="Application" title={short(name)} under={`in ${shown(namespaceOf(name))}`} close={close}>
      <Notice error={error} about="This application" />
      {data && (
        <>
          <p class="lead">
            {placed(data.totals) > 0 ? (
              <>
                <b>{percent(local(data.totals))}</b> of {rate(placed(data.totals))} stays on a node
              </>
            ) : (
              "No traffic"
            )}
          </p>
          <Split totals={data.totals} />
          <p class="dim">
            {counted(data.pods, "pod")}
            {data.cpu_millicores > 0 && `, each ${count(data.cpu_millicores)} m CPU`}
            {data.memory_bytes > 0 && ` and ${size(data.memory_bytes)}`}
            {data.local_routing && ", its Service prefers near endpoints"}
          </p>
          <CallGraph application={name} peers={peers} />
          <Next next={data.next_replica} />
          <Table
            caption="Peers"
            rows={peers}
            id={(row) => row.application}
            columns={[
              { name: "peer", by: (row) => row.application, cell: (row) => <ApplicationLink name={row.application} /> },
              { name: "calls to it", by: (row) => row.outbound, cell: (row) => (row.outbound > 0 ? rate(row.outbound) : "–"), figure: true },
              { name: "calls from it", by: (row) => row.inbound, cell: (row) => (row.inbound > 0 ? rate(row.inbound) : "–"), figure: true },
              { name: "local", by: (row) => local(row), cell: (row) => percent(local(row)), figure: true },
            ]}
            page={12}
          />
          <Table
            caption="Where it runs"
            rows={data.nodes}
            id={(row) => row.node}
            columns={[
              { name: "node", by: (row) => row.node, cell: (row) => <NodeLink name={row.node} /> },
              { name: "pods", by: (row) => row.pods, cell: (row) => count(row.pods), figure: true },
              { name: "stays", by: (row) => row.within, cell: (row) => rate(row.within), figure: true },
              { name: "leaves", by: (row) => row.beyond, cell: (row) => rate(row.beyond), figure: true },
            ]}
            page={10}
          />
          <p>
            <a href={address(["decisions"], { application: name })}>Decisions about this application</a>
          </p>
        </>
      )}
    </Panel>
  );
}

function Next({ next }: { next: ApplicationDetail["next_replica"] }) {
  if (!next) return null;
  const top = Math.max(1, ...next.nodes.map((node) => node.score));
  return (
    <section>
      <h3>Where its next replica would be best</h3>
      {next.empty !== null || next.nodes.length === 0 ? (
        <p class="dim">
          {next.fault !== null ? `The policies failed: ${sentence(next.fault)}` : next.empty !== null ? empty(next.empty) : next.judged_by === "requests" ? "No node has room for it by requests." : "The scheduler's filters leave no node."}
        </p>
      ) : (
        <>
          <ol class="next">
            {next.nodes.map((node) => (
              <li key={node.node}>
                <NodeLink name={node.node} />
                <Bar share={node.score / top} label={`score ${node.score}`} />
                <span class="figure">{node.score}</span>
                <p class="dim">{why(node)}</p>
              </li>
            ))}
          </ol>
          <p class="dim">
            {next.judged_by === "requests"
              ? `Of ${counted(next.candidates, "node")} with room by requests, by ${shown(next.policy_set)}. Taints, affinity and spreading are not looked at.`
              : `Of ${counted(next.candidates, "node")} that the scheduler's filters leave to another pod like those that run, by ${shown(next.policy_set)}.`}
          </p>
        </>
      )}
    </section>
  );
}

/** The peers on a node, in words. */
export function why(node: Candidate): string {
  const peers = node.peers.slice(0, 3).map((peer) => {
    const both = (peer.outbound_bytes_per_second + peer.inbound_bytes_per_second) * peer.pods;
    return `${shown(short(peer.application))}${peer.pods > 1 ? ` × ${peer.pods}` : ""} ${rate(both)}`;
  });
  const more = node.peers.length - peers.length;
  return peers.length === 0 ? "no peers there" : peers.join(", ") + (more > 0 ? `, ${more} more` : "");
}
