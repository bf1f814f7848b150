// Above the map: search, what is left out, picture or tables.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useResource } from "../api/resource";
import type { Applications, ClusterMap, NodeColumns } from "../api/types";
import { namespaceOf, short, shown } from "../format";
import { Glyph } from "../parts/Glyph";
import { useAddress } from "../router";

/** Least bytes per second of a flow that is shown. */
const LEAST = [
  ["", "every flow"],
  ["1000", "1 kB/s and more"],
  ["10000", "10 kB/s and more"],
  ["100000", "100 kB/s and more"],
  ["1000000", "1 MB/s and more"],
  ["10000000", "10 MB/s and more"],
] as const;

export function Filters({ map }: { map: ClusterMap | undefined }) {
  const [{ query }, change] = useAddress();
  const all = useResource<Applications>("v1/applications?limit=500&sort=total", 60).data;
  const namespaces = useMemo(() => [...new Set((all?.items ?? []).map((item) => namespaceOf(item.application)))].sort(), [all]);
  const namespace = query.get("namespace") ?? "";
  const tables = query.get("as") === "tables";
  return (
    <div class="filters" role="search" aria-label="What the map shows">
      <Search nodes={map?.nodes} />
      <label>
        <span>Namespace</span>
        <select value={namespace} onChange={(event) => change({ namespace: event.currentTarget.value })}>
          <option value="">all</option>
          {[...new Set([...namespaces, ...(namespace ? [namespace] : [])])].map((name) => (
            <option key={name} value={name}>
              {shown(name)}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Flows</span>
        <select value={query.get("at_least") ?? ""} onChange={(event) => change({ at_least: event.currentTarget.value })}>
          {LEAST.map(([bytes, words]) => (
            <option key={bytes} value={bytes}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <div class="switch" role="group" aria-label="Shown as">
        <button type="button" aria-pressed={!tables} onClick={() => change({ as: undefined })}>
          Picture
        </button>
        <button type="button" aria-pressed={tables} onClick={() => change({ as: "tables" })}>
          Tables
        </button>
      </div>
    </div>
  );
}

interface Found {
  kind: "application" | "node";
  name: string;
}

/** Most of each kind that are offered. */
const OFFERED = { application: 10, node: 6 };

/** Applications and nodes by part of their name. `/` goes there from anywhere. */
function Search({ nodes }: { nodes: NodeColumns | undefined }) {
  const [, change] = useAddress();
  const [text, setText] = useState("");
  const [active, setActive] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const [asked, setAsked] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text.trim()), 150);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => {
    const slash = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.closest("input, select, textarea, dialog");
      if (event.key !== "/" || typing) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", slash);
    return () => document.removeEventListener("keydown", slash);
  }, []);
  const found = useResource<Applications>(asked ? `v1/applications?limit=${OFFERED.application}&sort=total&search=${encodeURIComponent(asked)}` : null).data;
  const matches = (name: string) => name.toLowerCase().includes(asked.toLowerCase());
  const matching = useMemo(() => {
    const names = (nodes?.names ?? []).map((name) => `${nodes?.prefix}${name}${nodes?.suffix}`);
    return asked ? names.filter(matches).slice(0, OFFERED.node) : [];
  }, [nodes, asked]);
  // Until the answer is here, what there is may be that to another question.
  const applications = (found?.items ?? []).map(({ application }) => application).filter(matches);
  const of = (kind: Found["kind"]) => (name: string): Found => ({ kind, name });
  const items = asked && text.trim() ? [...applications.map(of("application")), ...matching.map(of("node"))] : [];
  const open = (item: Found | undefined) => {
    if (!item) return;
    setText("");
    change({ application: undefined, node: undefined, [item.kind]: item.name });
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setActive((active + 1) % Math.max(1, items.length));
    else if (event.key === "ArrowUp") setActive((active + items.length - 1) % Math.max(1, items.length));
    else if (event.key === "Enter") open(items[active]);
    else if (event.key === "Escape") setText("");
    else return;
    event.preventDefault();
  };
  return (
    <div class="search">
      <Glyph name="search" />
      <input
        ref={input}
        type="search"
        role="combobox"
        list={undefined}
        aria-label="Find an application or a node"
        aria-expanded={items.length > 0}
        aria-controls="found"
        aria-autocomplete="list"
        {...(items.length > 0 ? { "aria-activedescendant": `found-${active}` } : {})}
        placeholder="Find an application or a node   /"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setActive(0);
        }}
        onKeyDown={key}
        onBlur={() => setTimeout(() => setText(""), 150)}
      />
      <ul id="found" role="listbox" aria-label="Found" hidden={items.length === 0}>
        {items.map((item, index) => (
          <li key={`${item.kind} ${item.name}`} id={`found-${index}`} role="option" aria-selected={index === active} onPointerDown={() => open(item)}>
            {item.kind === "node" ? <span class="dim">node </span> : <span class="dim">{shown(namespaceOf(item.name))}/</span>}
            {shown(item.kind === "node" ? item.name : short(item.name))}
          </li>
        ))}
      </ul>
    </div>
  );
}
