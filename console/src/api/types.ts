// The answers of the admin API under the page's names. Rates are bytes per second, times seconds since the Unix epoch. Names come
// from outside and may be anything.

import type { EntryReport } from "./schema";

export type {
  About,
  Amounts as Totals,
  ApplicationAnswer as ApplicationDetail,
  ApplicationList as Applications,
  ApplicationRow,
  CallReport,
  ChangeOutcome,
  EntryReport as PolicyEntry,
  HistoryAnswer as History,
  MapAnswer as ClusterMap,
  Missing,
  NodeColumns,
  NodeScore as Candidate,
  NodeView as NodeDetail,
  RegistryReport as Policies,
  Remembered as Decision,
  Room,
  ShadowReport as Shadow,
  Summary as DecisionSummary,
} from "./schema";

/** Who listens to a policy. */
export type Mode = EntryReport["mode"];
