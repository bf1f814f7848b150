// One policy: what it is, how it counts, how it does, what can be done with it.

import { useEffect, useRef } from "preact/hooks";
import type { CallReport, PolicyEntry, Shadow } from "../api/types";
import { clock, count, counted, digest, microseconds, percent, rate, sentence, shown, size, span } from "../format";
import { Sparkline } from "../parts/Sparkline";
import { address } from "../router";
import type { Change } from "./ChangeDialog";

interface Props {
  entry: PolicyEntry;
  all: PolicyEntry[];
  shadow: Shadow | undefined;
  calls: CallReport | undefined;
  selected: boolean;
  /** Absent where nothing can be changed. */
  ask?: (change: Change) => void;
}

const ORIGINS: Record<string, string> = {
  configuration: "the configuration",
  folder: "the policy folder",
  upload: "an upload",
  kubernetes: "a ScoringPolicy",
};

export function PolicyCard({ entry, all, shadow, calls, selected, ask }: Props) {
  const card = useRef<HTMLElement>(null);
  useEffect(() => {
    if (selected) card.current?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  const { settings, name } = entry;
  // A name may have an active revision and one beside it; then changes are about the one beside.
  const beside = entry.mode === "active" ? all.find((other) => other.name === name && other.revision !== entry.revision) : undefined;
  const weights = all.filter((other) => other.mode === "active").reduce((sum, other) => sum + other.settings.weight, 0);
  const parameters = Object.entries(settings.parameters);
  return (
    <article ref={card} class={`policy ${selected ? "selected" : ""}`} aria-label={`Policy ${shown(name)}`}>
      <header>
        <h2>
          <a href={address(["policies", name])}>{shown(name)}</a> {entry.version && <small class="dim">{shown(entry.version)}</small>}
        </h2>
        <span class={`badge ${entry.mode}`}>
          {entry.mode}
          {entry.mode === "canary" && ` ${entry.percent}%`}
        </span>
        {entry.state !== entry.mode && <span class="badge">{entry.state}</span>}
      </header>
      {entry.summary && <p>{shown(entry.summary)}</p>}
      {entry.degraded && (
        <p class="notice" role="alert">
          Withdrawn: {sentence(entry.degraded)}
        </p>
      )}
      {entry.not_restored && (
        <p class="notice" role="alert">
          Saved and not loaded: {sentence(entry.not_restored)}
        </p>
      )}
      <dl class="facts">
        <dt>Weight</dt>
        <dd>
          {settings.weight}
          {entry.mode === "active" && weights > 0 && <span class="dim">, {percent(settings.weight / weights)} of the score</span>}
        </dd>
        <dt>Artefact</dt>
        <dd>
          <code title={shown(entry.digest)}>{digest(entry.digest)}</code> <span class="dim">revision {shown(entry.revision)}</span>
        </dd>
        <dt>Signed</dt>
        <dd>{signed(entry)}</dd>
        <dt>Since</dt>
        <dd>
          {clock(entry.since)} <span class="dim">by {shown(entry.by)}, from {ORIGINS[entry.origin] ?? shown(entry.origin)}</span>
        </dd>
        <dt>Limits</dt>
        <dd>
          {settings.limits.deadline_ms} ms and {settings.limits.memory_mib} MiB a call
          {settings.grants.length > 0 && <span class="dim">, may import {settings.grants.map(shown).join(", ")}</span>}
        </dd>
        {parameters.length > 0 && (
          <>
            <dt>Parameters</dt>
            <dd>
              {parameters.map(([key, value]) => (
                <code key={key}>
                  {shown(key)}={shown(String(value))}{" "}
                </code>
              ))}
            </dd>
          </>
        )}
        {calls && calls.at.length > 0 && <Calls calls={calls} />}
      </dl>
      {shadow && entry.mode === "shadow" && <Compared shadow={shadow} />}
      {ask && beside && (
        <p class="dim">
          Changes are made to revision {shown(beside.revision)}, which is {beside.mode} beside this one.
        </p>
      )}
      {ask && !beside && (
        <div class="actions" role="group" aria-label={`Change ${shown(name)}`}>
          {entry.mode !== "active" && (
            <button type="button" class="primary" onClick={() => ask({ kind: "activate", entry })}>
              Activate
            </button>
          )}
          {entry.mode !== "canary" && (
            <button type="button" onClick={() => ask({ kind: "canary", entry })}>
              Canary
            </button>
          )}
          {entry.mode !== "shadow" && (
            <button type="button" onClick={() => ask({ kind: "shadow", entry })}>
              Shadow
            </button>
          )}
          {entry.mode !== "ready" && (
            <button type="button" onClick={() => ask({ kind: "ready", entry })}>
              Rest
            </button>
          )}
          <button type="button" onClick={() => ask({ kind: "weigh", entry })}>
            Weigh
          </button>
          <button type="button" class="danger" onClick={() => ask({ kind: "remove", entry })}>
            Remove
          </button>
        </div>
      )}
    </article>
  );
}

/** What its calls took in the last hour. */
function Calls({ calls }: { calls: CallReport }) {
  const { mean_microseconds: means, most_microseconds: longest, most_memory_bytes: memory } = calls;
  const sum = (column: number[]) => column.reduce((total, value) => total + value, 0);
  const failed = sum(calls.faults);
  const since = span(Date.now() / 1000 - (calls.at[0] ?? 0));
  return (
    <>
      <dt>Call time</dt>
      <dd class="over-time">
        <Sparkline values={means} label={`Mean time of a call over the last ${since}, now ${microseconds(means.at(-1) ?? 0)}`} />
        <span class="dim">
          {microseconds(means.at(-1) ?? 0)} now, {microseconds(Math.max(...longest))} at most
        </span>
      </dd>
      <dt>Memory</dt>
      <dd class="over-time">
        <Sparkline values={memory} label={`Most memory of a call over the last ${since}, now ${size(memory.at(-1) ?? 0)}`} />
        <span class="dim">
          {size(memory.at(-1) ?? 0)} now, {size(Math.max(...memory))} at most
        </span>
      </dd>
      <dt>Calls</dt>
      <dd>
        {count(sum(calls.calls))} in the last {since}
        {failed > 0 && <span class="bad">, {count(failed)} failed</span>}
      </dd>
    </>
  );
}

function signed({ signature }: PolicyEntry) {
  if (signature.check === "verified") return `by ${shown(signature.signed_by)}`;
  if (signature.check === "configuration") return <span class="dim">named by the configuration</span>;
  if (signature.check === "no-trusted-keys") return <span class="dim">not looked at: no key is trusted</span>;
  return <span class="dim">unknown</span>;
}

/** What the shadow would have done. */
function Compared({ shadow }: { shadow: Shadow }) {
  if (shadow.requests === 0 && shadow.faults === 0) return <p class="dim">It has scored no pod yet.</p>;
  const kept = shadow.shadow_local_bytes_per_second.mean - shadow.active_local_bytes_per_second.mean;
  return (
    <section class="compared">
      {shadow.requests > 0 && (
        <>
          <p>
            Would have chosen another node for <b>{shadow.other_node}</b> of {counted(shadow.requests, "pod")},{" "}
            <b class={kept >= 0 ? "good" : "bad"}>
              {kept >= 0 ? "+" : "−"}
              {rate(Math.abs(kept))}
            </b>{" "}
            kept on the node for each.
          </p>
          <p class="dim">
            {microseconds(shadow.p50_microseconds)} a call, {microseconds(shadow.p99_microseconds)} at the 99th percentile.
            {shadow.rank_correlation !== null && ` Rank correlation ${shadow.rank_correlation.toFixed(2)}.`}
          </p>
        </>
      )}
      {shadow.faults > 0 && (
        <p class="notice">
          Failed on {counted(shadow.faults, "pod")}
          {shadow.last_fault && `: ${sentence(shadow.last_fault)}`}
        </p>
      )}
    </section>
  );
}
