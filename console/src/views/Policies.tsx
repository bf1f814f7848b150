// The policies: what answers, what is compared, what can be changed.

import { useState } from "preact/hooks";
import { useResource } from "../api/resource";
import type { About, CallReport, Policies as Report, PolicyEntry, Shadow } from "../api/types";
import { clock, counted, digest, sentence, shown } from "../format";
import { Glyph } from "../parts/Glyph";
import { Notice } from "../parts/Notice";
import { type Change, ChangeDialog } from "./ChangeDialog";
import { PolicyCard } from "./PolicyCard";
import { PushDialog } from "./PushDialog";

const ORDER = ["active", "canary", "shadow", "ready"];

export function Policies({ about, selected }: { about: About | undefined; selected: string | undefined }) {
  const policies = useResource<Report>("v1/policies", 5);
  const shadows = useResource<Shadow[]>("v1/shadow", 5).data ?? [];
  const calls = useResource<CallReport[]>("v1/calls", 10).data ?? [];
  const [change, setChange] = useState<Change | null>(null);
  const [file, setFile] = useState<File | "choose" | null>(null);
  const [over, setOver] = useState(false);
  const [done, setDone] = useState("");
  const report = policies.data;
  const changes = about?.changes !== false;
  const sorted = [...(report?.policies ?? [])].sort((one, other) => ORDER.indexOf(one.mode) - ORDER.indexOf(other.mode));
  const finished = (sentence: string) => {
    setChange(null);
    setFile(null);
    setDone(sentence);
    policies.reload();
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const dropped = event.dataTransfer?.files[0];
    if (dropped && changes) setFile(dropped);
  };
  return (
    <div
      class={`policies ${over && changes ? "over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => event.currentTarget === event.target && setOver(false)}
      onDrop={drop}
    >
      <header class="page-head">
        <h1>Policies</h1>
        {report && (
          <p class="dim">
            Generation {report.generation}. {answering(report.policies)}
          </p>
        )}
        {changes && report && (
          <div class="actions">
            <button type="button" disabled={report.earlier.length === 0} onClick={() => setChange({ kind: "rollback", to: report.earlier[0]?.generation ?? 0 })}>
              Roll back
            </button>
            <button type="button" class="primary" onClick={() => setFile("choose")}>
              <Glyph name="upload" /> Push a policy
            </button>
          </div>
        )}
      </header>
      <Notice error={policies.error} about="Policies" />
      <p class="done" role="status">
        {done}
      </p>
      {report && sorted.length === 0 && <p class="none">There are no policies. kube-scheduler decides alone.</p>}
      <div class="cards">
        {sorted.map((entry) => (
          <PolicyCard
            key={entry.revision}
            entry={entry}
            all={report?.policies ?? []}
            shadow={shadows.find((shadow) => shadow.name === entry.name)}
            calls={calls.find((one) => one.revision === entry.revision)}
            selected={selected === entry.name}
            {...(changes ? { ask: setChange } : {})}
          />
        ))}
      </div>
      {changes && <p class="dim drop-hint">Drop a component (.wasm) anywhere on this page to push it.</p>}
      {report && report.earlier.length > 0 && (
        <section>
          <h2>What answered before</h2>
          <ol class="earlier">
            {report.earlier.map(({ generation, answering }) => (
              <li key={generation}>
                Generation {generation}
                <span class="dim">
                  {" "}
                  {answering.map((one) => `${shown(one.name)}${one.mode === "canary" ? ` (canary ${one.percent}%)` : ""}, weight ${one.weight}`).join("; ")}
                </span>
              </li>
            ))}
          </ol>
        </section>
      )}
      {report && report.rejected.length > 0 && (
        <section>
          <h2>Refused lately</h2>
          <ul class="rejected">
            {report.rejected.map((one) => (
              <li key={`${one.at} ${one.digest}`}>
                <b>{shown(one.name)}</b> <code class="dim">{digest(one.digest)}</code>
                <span class="dim">
                  {" "}
                  {clock(one.at)}, by {shown(one.by)}
                </span>
                <p>{sentence(one.reason)}</p>
              </li>
            ))}
          </ul>
        </section>
      )}
      {change && report && <ChangeDialog change={change} policies={report.policies} close={() => setChange(null)} done={finished} />}
      {file !== null && report && <PushDialog file={file === "choose" ? null : file} policies={report.policies} close={() => setFile(null)} done={finished} />}
    </div>
  );
}

function answering(policies: PolicyEntry[]): string {
  const active = policies.filter((entry) => entry.mode === "active");
  if (active.length === 0) return "Nothing answers: kube-scheduler decides alone.";
  return `${counted(active.length, "policy", "policies")} ${active.length === 1 ? "answers" : "answer"}.`;
}
