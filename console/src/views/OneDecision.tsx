// A decision opened: the candidates, each policy's part, and the peers that made the score.

import { useEffect, useState } from "preact/hooks";
import { get, Refused } from "../api/client";
import type { Candidate, Decision, DecisionSummary } from "../api/types";
import { clock, count, counted, digest, microseconds, namespaceOf, rate, sentence, short, shown, span } from "../format";
import { Bar } from "../parts/Bar";
import { ApplicationLink, NodeLink, PolicyLink } from "../parts/links";
import { Notice } from "../parts/Notice";
import { address, go } from "../router";
import { door, empty } from "../words";
import { Panel } from "./Panel";

interface Props {
  serial: string;
  /** What the list knows of it; it changes when the pod is seen bound. */
  summary: DecisionSummary | undefined;
  query: URLSearchParams;
}

export function OneDecision({ serial, summary, query }: Props) {
  const [read, setRead] = useState<{ serial: string; decision?: Decision; error?: Error }>();
  useEffect(() => {
    let current = true;
    get<Decision[]>(`v1/decisions?serial=${encodeURIComponent(serial)}`).then(
      ([decision]) => current && setRead(decision ? { serial, decision } : { serial, error: new Refused(404, "it is no longer kept") }),
      (error: Error) => current && setRead({ serial, error }),
    );
    return () => {
      current = false;
    };
  }, [serial, summary?.chosen, summary?.pod]);
  const { decision, error } = read?.serial === serial ? read : {};
  const close = () => go(address(["decisions"], query));
  const pod = decision?.pod ?? summary?.pod ?? "";
  return (
    <Panel kind="Decision" title={short(pod) || serial} under={pod && `in ${shown(namespaceOf(pod))}`} close={close}>
      <Notice error={error} about="This decision" />
      {decision && <Opened decision={decision} />}
    </Panel>
  );
}

function Opened({ decision }: { decision: Decision }) {
  const top = Math.max(1, ...decision.nodes.map((node) => node.score));
  const best = decision.nodes[0];
  const bestScore = best?.score ?? 0;
  const chosen = decision.nodes.find((node) => node.node === decision.chosen);
  return (
    <>
      <p class="lead">
        {decision.empty !== null ? (
          empty(decision.empty)
        ) : best ? (
          <>
            Best on <NodeLink name={best.node} />
            {decision.chosen === null ? (
              "; not seen bound yet."
            ) : chosen && chosen.score === bestScore ? (
              <>
                {chosen.node === best.node ? ", and it went there." : <>; it went to the equally good <NodeLink name={decision.chosen} />.</>}
              </>
            ) : (
              <>
                ; it went to <NodeLink name={decision.chosen} />. Filters and the scheduler's other plugins have a say.
              </>
            )}
          </>
        ) : (
          "No candidates."
        )}
      </p>
      <dl class="facts">
        <dt>Application</dt>
        <dd>{decision.application === null ? <span class="dim">none</span> : <ApplicationLink name={decision.application} />}</dd>
        <dt>When</dt>
        <dd>
          {clock(decision.at)}, asked by {door(decision.door)}
          {decision.outcome && `, ${decision.outcome.replaceAll("-", " ")}`}
        </dd>
        <dt>Took</dt>
        <dd>
          {microseconds(decision.took_microseconds)} for {counted(decision.candidates, "candidate")}, {count(decision.named)} named in the answer
        </dd>
        <dt>Policies</dt>
        <dd>
          {decision.policies.map((policy) => (
            <div key={policy.policy}>
              <PolicyLink name={policy.policy} /> <code class="dim">{digest(policy.digest)}</code>
              {policy.fault !== null && <p class="notice">{sentence(policy.fault)}</p>}
            </div>
          ))}
          <span class="dim">
            generation {decision.generation}
            {decision.canary && ", with the canary"}
          </span>
        </dd>
        {decision.flows_age_seconds !== null && (
          <>
            <dt>Flows</dt>
            <dd>{span(decision.flows_age_seconds)} old</dd>
          </>
        )}
      </dl>
      <h3>Candidates{decision.candidates > decision.nodes.length && `: the best ${decision.nodes.length} of ${count(decision.candidates)}`}</h3>
      <ol class="candidates">
        {decision.nodes.map((node) => (
          <CandidateRow key={node.node} node={node} top={top} chosen={node.node === decision.chosen} several={decision.policies.length > 1} />
        ))}
      </ol>
    </>
  );
}

function CandidateRow({ node, top, chosen, several }: { node: Candidate; top: number; chosen: boolean; several: boolean }) {
  const weight = (peer: Candidate["peers"][number]) => (peer.outbound_bytes_per_second + peer.inbound_bytes_per_second) * peer.pods;
  const most = Math.max(Number.MIN_VALUE, ...node.peers.map(weight));
  const weights = (node.policies ?? []).reduce((sum, share) => sum + share.weight, 0);
  return (
    <li>
      <div class="candidate">
        <NodeLink name={node.node} />
        {chosen && <span class="badge active">went here</span>}
        <Bar share={node.score / top} label={`score ${node.score} of ${top}`} />
        <span class="figure" title={several ? `${node.raw.toFixed(4)} of 1` : `the policy's own figure: ${node.raw}`}>
          {node.score}
        </span>
      </div>
      {(node.policies ?? []).length > 0 && (
        <ul class="parts">
          {node.policies?.map((share) => (
            <li key={share.policy}>
              <PolicyLink name={share.policy} />
              <Bar share={weights > 0 ? (share.share * share.weight) / weights : 0} kind="quiet" label={`${share.share.toFixed(2)} of 1, weight ${share.weight}`} />
              <span class="figure dim">
                {share.share.toFixed(2)} × {share.weight}
              </span>
            </li>
          ))}
        </ul>
      )}
      {node.peers.length > 0 ? (
        <ul class="parts">
          {node.peers.map((peer) => (
            <li key={peer.application}>
              <span class="name">
                <ApplicationLink name={peer.application} />
                {peer.pods > 1 && <span class="dim"> × {peer.pods}</span>}
              </span>
              <Bar share={weight(peer) / most} kind="node" label={`calls it with ${rate(peer.outbound_bytes_per_second)}, is called with ${rate(peer.inbound_bytes_per_second)}`} />
              <span class="figure dim">{rate(weight(peer))}</span>
            </li>
          ))}
        </ul>
      ) : (
        <p class="dim">No peers on this node.</p>
      )}
      {(node.parts ?? []).map((part, index) => (
        <p key={index} class="dim">
          {shown(part.label)} {part.peer && shown(part.peer)}: {part.amount.toPrecision(4)}
        </p>
      ))}
    </li>
  );
}
