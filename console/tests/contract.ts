// Compares the page's types with the API's own description: a field that the API renames is found here, not by an operator.

import { readFileSync } from "node:fs";

interface Schema {
  properties?: Record<string, unknown>;
  allOf?: Schema[];
  $ref?: string;
}

export interface OpenApi {
  components: { schemas: Record<string, Schema> };
}

/** Types of the page, and what the API calls them. */
const NAMES: Record<string, string> = {
  About: "About",
  Totals: "Amounts",
  Zone: "ZoneView",
  NodeColumns: "NodeColumns",
  ApplicationRow: "ApplicationRow",
  Missing: "Missing",
  ClusterMap: "MapAnswer",
  Applications: "ApplicationList",
  Part: "ExplainedPart",
  Candidate: "NodeScore",
  ApplicationDetail: "ApplicationAnswer",
  Room: "Room",
  NodeDetail: "NodeView",
  DecisionSummary: "Summary",
  Decision: "Remembered",
  History: "HistoryAnswer",
};

function fields(api: OpenApi, schema: Schema | undefined): string[] {
  if (!schema) return [];
  if (schema.$ref) return fields(api, api.components.schemas[schema.$ref.replace("#/components/schemas/", "")]);
  return [...Object.keys(schema.properties ?? {}), ...(schema.allOf ?? []).flatMap((part) => fields(api, part))];
}

/** Fields of the page's types that the API does not have. */
export function unknownFields(api: OpenApi): string[] {
  const source = readFileSync("src/api/types.ts", "utf8");
  return Object.entries(NAMES).flatMap(([ours, theirs]) => {
    const body = new RegExp(`export interface ${ours} [^{]*\\{\\n([^]*?)\\n\\}`).exec(source)?.[1];
    if (body === undefined) return [`src/api/types.ts has no ${ours}`];
    const known = fields(api, api.components.schemas[theirs]);
    const named = [...body.matchAll(/^ {2}(\w+)\??:/gm)].map((found) => found[1] ?? "");
    return named.filter((field) => !known.includes(field)).map((field) => `${theirs} has no ${field}`);
  });
}
