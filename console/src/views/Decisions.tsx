// Decisions as they are made, and one of them opened.

import { useEffect, useMemo, useState } from "preact/hooks";
import { get, Refused } from "../api/client";
import { tell, useFeed } from "../api/feed";
import type { DecisionSummary } from "../api/types";
import { clock, microseconds, namespaceOf, short, shown } from "../format";
import { Glyph } from "../parts/Glyph";
import { Notice } from "../parts/Notice";
import { address, type Address, useAddress } from "../router";
import { door } from "../words";
import { OneDecision } from "./OneDecision";

const PAGE = 100;

/** From one time to the next that the newest are asked for where no stream brings them, in seconds. */
const AGAIN = 5;

/** Parameters of the address that the server filters by. */
const FILTERS = ["application", "node", "door", "outcome"] as const;

export function Decisions({ here }: { here: Address }) {
  const [, change] = useAddress();
  const { decisions: told, live } = useFeed();
  const { query } = here;
  const text = query.get("search") ?? "";
  const filter = FILTERS.map((key) => `${key}=${query.get(key) ?? ""}`).join("&");
  const [older, error, more, done] = useOlder(query, filter, live);
  const list = useMemo(() => {
    const bySerial = new Map([...older, ...told].map((decision) => [decision.serial, decision]));
    return [...bySerial.values()].filter((decision) => matches(decision, query, text)).sort((one, other) => other.at - one.at);
  }, [older, told, filter, text]);
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
          <span class={`live ${live ? "follows" : ""}`} title={live ? undefined : "One window of a browser at a time follows the decisions as they are made."}>
            {live ? "live" : `every ${AGAIN} s`}
          </span>
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
        {list.length === 0 && <p class="none">{told.length + older.length > 0 ? "None of them matches." : "No decisions yet. They appear here as pods are scored."}</p>}
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

/** What the server still has: the first page of a filter, more when asked. Without a stream the newest are asked for while somebody looks. */
function useOlder(query: URLSearchParams, filter: string, live: boolean): Older {
  const [found, setFound] = useState<{ of: string; list: DecisionSummary[]; done: boolean }>({ of: "", list: [], done: false });
  const [error, setError] = useState<Error>();
  const [missed, setMissed] = useState<Error>();
  const read = (before?: string) => {
    const parameters = new URLSearchParams({ brief: "true", limit: String(PAGE), ...(before !== undefined && { before }) });
    for (const key of FILTERS) if (query.get(key)) parameters.set(key, query.get(key) ?? "");
    return get<DecisionSummary[]>(`v1/decisions?${parameters}`);
  };
  useEffect(() => {
    let current = true;
    read().then(
      (list) => {
        if (!current) return;
        setError(undefined);
        setFound({ of: filter, list, done: list.length < PAGE });
      },
      (error: Error) => current && setError(error),
    );
    return () => {
      current = false;
    };
  }, [filter]);
  useEffect(() => {
    if (live) return undefined;
    let current = true;
    const again = () => {
      if (document.visibilityState === "hidden") return;
      read().then(
        (list) => {
          if (!current) return;
          setError(undefined);
          setMissed(undefined);
          tell(list);
        },
        (error: Error) => {
          if (!current) return;
          setMissed(error);
          // The server notes every attempt of somebody whom it does not know.
          if (error instanceof Refused && error.unknownCaller) clearInterval(timer);
        },
      );
    };
    const timer = setInterval(again, AGAIN * 1_000);
    document.addEventListener("visibilitychange", again);
    return () => {
      current = false;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", again);
    };
  }, [filter, live]);
  const more = (before: string) => {
    read(before).then((list) => setFound((known) => (known.of === filter ? { ...known, list: [...known.list, ...list], done: list.length < PAGE } : known)), setError);
  };
  return [found.of === filter ? found.list : [], error ?? (live ? undefined : missed), more, found.of === filter && found.done];
}
