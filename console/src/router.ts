// Addresses: everything that a view shows is after the `#`, so that it can be shared and the server needs no routes for it.

import { useEffect, useState } from "preact/hooks";

export interface Address {
  /** The parts of the path, decoded: `["applications", "shop", "cart"]`. */
  path: string[];
  query: URLSearchParams;
}

export function parse(hash: string): Address {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const parts = path.split("/").filter((part) => part !== "");
  return { path: parts.map(decoded), query: new URLSearchParams(query) };
}

/** An address that somebody mistyped is an address of nothing, not an error. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The fragment of an address; parameters without a value are left out. */
export function address(path: string[], query: Record<string, string | number | undefined> | URLSearchParams = {}): string {
  const pairs = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  const given = pairs.filter((pair) => pair[1] !== undefined && pair[1] !== "").map(([key, value]) => [key, String(value)]);
  const parameters = new URLSearchParams(given).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${parameters ? `?${parameters}` : ""}`;
}

export function go(to: string, replace = false): void {
  if (to === window.location.hash) return;
  if (replace) {
    window.history.replaceState(null, "", to);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    window.location.hash = to;
  }
}

/** The address now, and a way to change some of its parameters. */
export function useAddress(): [Address, (change: Record<string, string | undefined>) => void] {
  const [hash, setHash] = useState(window.location.hash);
  useEffect(() => {
    const changed = () => setHash(window.location.hash);
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  const now = parse(hash);
  const change = (parameters: Record<string, string | undefined>) => {
    const current = parse(window.location.hash);
    for (const [key, value] of Object.entries(parameters)) {
      if (value === undefined || value === "") current.query.delete(key);
      else current.query.set(key, value);
    }
    go(address(current.path, current.query), true);
  };
  return [now, change];
}
