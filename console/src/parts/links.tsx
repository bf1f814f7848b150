// Names that lead somewhere. What is shown is text, shortened where it is very long; the whole is in the address.

import { address, parse } from "../router";
import { namespaceOf, short, shown } from "../format";

/** The map as it is filtered now, with something else selected. */
function onMap(selection: Record<string, string>): string {
  const query = parse(window.location.hash).query;
  const kept = new URLSearchParams();
  for (const key of ["namespace", "at_least", "at", "as"]) {
    const value = query.get(key);
    if (value) kept.set(key, value);
  }
  for (const [key, value] of Object.entries(selection)) kept.set(key, value);
  return address(["map"], kept);
}

export function NodeLink({ name }: { name: string }) {
  return (
    <a class="name" href={onMap({ node: name })} title={shown(name)}>
      {shown(name)}
    </a>
  );
}

/** An application, with its namespace in a quieter voice. */
export function ApplicationLink({ name }: { name: string }) {
  if (!name) return <span class="dim">no application</span>;
  const namespace = namespaceOf(name);
  return (
    <a class="name" href={onMap({ application: name })} title={shown(name)}>
      {namespace && <span class="dim">{shown(namespace)}/</span>}
      {shown(short(name))}
    </a>
  );
}

export function PolicyLink({ name }: { name: string }) {
  return (
    <a class="name" href={address(["policies", name])}>
      {shown(name)}
    </a>
  );
}
