// Decisions as they are made, and one of them opened.

import { useEffect, useMemo, useState } from "preact/hooks";
import { useFeed } from "../api/feed";
import { get } from "../api/client";
import type { DecisionSummary } from "../api/types";
import { clock, microseconds, namespaceOf, short, shown } from "../format";
import { Glyph } from "../parts/Glyph";
import { Notice } from "../parts/Notice";
import { address, type Address, useAddress } from "../router";
import { door } from "../words";
import { OneDecision } from "./OneDecision";

const PAGE = 100;

/** Parameters of the address that the server filters by. */
const FILTERS = ["application", "node", "door", "outcome"] as const;

export function Decisions({ here }: { here: Address }) {
  const [, change] = useAddress();
  const { decisions: live, state } = useFeed();
  const { query } = here;
  const text = query.get("search") ?? "";
  const filter = FILTERS.map((key) => `${key}=${query.get(key) ?? ""}`).join("&");
  const [older, error, more, done] = useOlder(query, filter, state === "refused");
  const list = useMemo(() => {
    const bySerial = new Map([...older, ...live].map((decision) => [decision.serial, decision]));
    return [...bySerial.values()].filter((decision) => matches(decision, query, text)).sort((one, other) => other.at - one.at);
  }, [older, live, filter, text]);
  const serial = here.path[1];
  const oldest = list.at(-1);
  return (
    <div class={`decisions ${serial ? "opened" : ""}`}>
      <section class="list" aria-label="Decisions">
        <h1 class="spoken">Decisions</h1>
        <div class="filters">
          <div class="search">
            <Glyph name="search" />
            <input
              type="search"
              aria-label="Part of a pod, application or node"
              placeholder="Part of a pod, application or node"
              value={text}
              onInput={(event) => change({ search: event.currentTarget.value })}
            />
          </div>
          <label>
            <span>Outcome</span>
            <select value={query.get("outcome") ?? ""} onChange={(event) => change({ outcome: event.currentTarget.value })}>
              <option value="">all</option>
              <option value="agrees">went where it was best</option>
              <option value="differs">went elsewhere</option>
              <option value="unknown">not seen bound yet</option>
              <option value="empty">no score</option>
            </select>
          </label>
          <label>
            <span>Asked by</span>
            <select value={query.get("door") ?? ""} onChange={(event) => change({ door: event.currentTarget.value })}>
              <option value="">all</option>
              <option value="extender">kube-scheduler</option>
              <option value="admission">webhook</option>
            </select>
          </label>
          {["application", "node"].map((key) => {
            const value = query.get(key);
            return (
              value && (
                <button key={key} type="button" class="chip" onClick={() => change({ [key]: undefined })}>
                  {key} {shown(value)} <Glyph name="close" />
                </button>
              )
            );
          })}
          <span class={`live ${state}`}>{state === "follows" ? "live" : state === "refused" ? "not live" : "connecting"}</span>
        </div>
        <Notice error={error} about="Decisions" />
        <div class="table">
          <table>
            <caption class="spoken">Decisions, the newest first</caption>
            <thead>
              <tr>
                <th scope="col">time</th>
                <th scope="col">pod</th>
                <th scope="col">best node</th>
                <th scope="col">went to</th>
                <th scope="col" class="figure">
                  score
                </th>
                <th scope="col">policies</th>
                <th scope="col" class="figure">
                  took
                </th>
              </tr>
            </thead>
            <tbody>
              {list.map((decision) => (
                <Row key={decision.serial} decision={decision} selected={decision.serial === serial} query={query} />
              ))}
            </tbody>
          </table>
        </div>
        {list.length === 0 && <p class="none">{live.length + older.length > 0 ? "None of them matches." : "No decisions yet. They appear here as pods are scored."}</p>}
        {oldest && !done && (
          <button type="button" class="plain" onClick={() => more(oldest.serial)}>
            Older ones
          </button>
        )}
      </section>
      {serial !== undefined && <OneDecision serial={serial} summary={list.find((decision) => decision.serial === serial)} query={query} />}
    </div>
  );
}

function Row({ decision, selected, query }: { decision: DecisionSummary; selected: boolean; query: URLSearchParams }) {
  const { best, chosen, agrees } = decision;
  const to = address(["decisions", decision.serial], query);
  return (
    <tr class={selected ? "selected" : ""} onClick={() => (window.location.hash = to)}>
      <td class="time">{clock(decision.at)}</td>
      <th scope="row">
        <a class="name" href={to} aria-current={selected ? "true" : undefined} title={shown(decision.pod)}>
          <span class="dim">{shown(namespaceOf(decision.pod))}/</span>
          {shown(short(decision.pod))}
        </a>
      </th>
      <td>{best ? <span class="name">{shown(best.node)}</span> : <span class="dim">{decision.empty === null ? "–" : decision.empty.replaceAll("-", " ")}</span>}</td>
      <td>
        {chosen === null ? (
          <span class="dim">not seen yet</span>
        ) : (
          <span class={agrees === null ? "" : agrees ? "agrees" : "differs"}>
            {agrees !== null && <Glyph name={agrees ? "check" : "differ"} />}
            {agrees ? "there" : shown(chosen)}
          </span>
        )}
      </td>
      <td class="figure">{best ? best.score : "–"}</td>
      <td>
        {decision.policies.map(shown).join(", ")}
        {decision.canary && <span class="badge canary">canary</span>}
        {decision.faults > 0 && <span class="badge fault">fault</span>}
        {decision.door !== "extender" && <span class="badge">{door(decision.door)}</span>}
      </td>
      <td class="figure dim">{microseconds(decision.took_microseconds)}</td>
    </tr>
  );
}

function outcome(decision: DecisionSummary): string {
  if (decision.empty !== null) return "empty";
  return decision.agrees === null ? "unknown" : decision.agrees ? "agrees" : "differs";
}

function matches(decision: DecisionSummary, query: URLSearchParams, text: string): boolean {
  const wants = (key: string, ...values: (string | null | undefined)[]) => {
    const wanted = query.get(key);
    return !wanted || values.includes(wanted);
  };
  return (
    wants("application", decision.application) &&
    wants("node", decision.best?.node, decision.chosen) &&
    wants("door", decision.door) &&
    wants("outcome", outcome(decision)) &&
    (text === "" || [decision.pod, decision.application, decision.best?.node, decision.chosen].some((name) => name?.includes(text)))
  );
}

type Older = [DecisionSummary[], Error | undefined, (before: string) => void, boolean];

/** What the server still has: the first page of a filter, more when asked. Where there is no stream, it is asked again and again. */
function useOlder(query: URLSearchParams, filter: string, polls: boolean): Older {
  const [found, setFound] = useState<{ of: string; list: DecisionSummary[]; done: boolean }>({ of: "", list: [], done: false });
  const [error, setError] = useState<Error>();
  const read = (before?: string) => {
    const parameters = new URLSearchParams({ brief: "true", limit: String(PAGE) });
    for (const key of FILTERS) if (query.get(key)) parameters.set(key, query.get(key) ?? "");
    if (before !== undefined) parameters.set("before", before);
    get<DecisionSummary[]>(`v1/decisions?${parameters}`).then((list) => {
      setError(undefined);
      setFound((known) => ({ of: filter, list: known.of === filter && before !== undefined ? [...known.list, ...list] : list, done: list.length < PAGE }));
    }, setError);
  };
  useEffect(() => {
    read();
    if (!polls) return undefined;
    const timer = setInterval(read, 5_000);
    return () => clearInterval(timer);
  }, [filter, polls]);
  return [found.of === filter ? found.list : [], error, read, found.of === filter && found.done];
}
