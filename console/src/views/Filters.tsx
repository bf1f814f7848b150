// Above the map: search, what is left out, picture or tables.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useResource } from "../api/resource";
import type { Applications } from "../api/types";
import { namespaceOf, shown } from "../format";
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

export function Filters() {
  const [{ query }, change] = useAddress();
  const all = useResource<Applications>("v1/applications?limit=500&sort=total", 60).data;
  const namespaces = useMemo(() => [...new Set((all?.items ?? []).map((item) => namespaceOf(item.application)))].sort(), [all]);
  const namespace = query.get("namespace") ?? "";
  const tables = query.get("as") === "tables";
  return (
    <div class="filters" role="search" aria-label="What the map shows">
      <Search />
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

/** Applications by part of their name. `/` goes there from anywhere. */
function Search() {
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
  const found = useResource<Applications>(asked ? `v1/applications?limit=12&sort=total&search=${encodeURIComponent(asked)}` : null).data;
  const items = asked && text.trim() ? (found?.items ?? []) : [];
  const open = (name: string | undefined) => {
    if (name === undefined) return;
    setText("");
    change({ application: name, node: undefined });
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setActive((active + 1) % Math.max(1, items.length));
    else if (event.key === "ArrowUp") setActive((active + items.length - 1) % Math.max(1, items.length));
    else if (event.key === "Enter") open(items[active]?.application);
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
        aria-label="Find an application"
        aria-expanded={items.length > 0}
        aria-controls="found"
        aria-autocomplete="list"
        {...(items.length > 0 ? { "aria-activedescendant": `found-${active}` } : {})}
        placeholder="Find an application   /"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setActive(0);
        }}
        onKeyDown={key}
        onBlur={() => setTimeout(() => setText(""), 150)}
      />
      <ul id="found" role="listbox" aria-label="Applications found" hidden={items.length === 0}>
        {items.map((item, index) => (
          <li key={item.application} id={`found-${index}`} role="option" aria-selected={index === active} onPointerDown={() => open(item.application)}>
            <span class="dim">{shown(namespaceOf(item.application))}/</span>
            {shown(item.application.slice(item.application.indexOf("/") + 1))}
          </li>
        ))}
      </ul>
    </div>
  );
}
