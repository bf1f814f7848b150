// The answers of the admin API, as docs/reference/openapi.json describes them. Rates are bytes per second, times seconds since the
// Unix epoch. Names come from outside and may be anything.

export interface About {
  version: string;
  origin: string;
  access: string;
  /** Whether there are policies to change, and decisions; not over a file. */
  changes: boolean;
  history_seconds: number;
}

/** Every byte is counted once: in one of these. */
export interface Totals {
  within_node: number;
  /** To another node of the same zone. */
  within_zone: number;
  across_zones: number;
  across_regions: number;
  /** An end of the flow has no pod on a node. */
  unplaced: number;
}

export interface Zone {
  name: string | null;
  region: string | null;
  nodes: number;
  pods: number;
  within_node: number;
  within_zone: number;
  beyond: number;
}

/** Columns of one length. */
export interface NodeColumns {
  prefix: string;
  suffix: string;
  names: string[];
  zone: number[];
  pods: number[];
  max_pods: number[];
  /** Requested per mille of what is allocatable; -1 unknown. */
  cpu: number[];
  memory: number[];
  closed: number[];
  within: number[];
  beyond: number[];
  left_out: number;
}

export interface ApplicationRow extends Totals {
  application: string;
  pods: number;
  nodes: number;
}

export interface Missing {
  reason: string;
  says: string;
  doctor: string;
}

export interface ClusterMap {
  at: number | null;
  totals: Totals;
  zones: Zone[];
  zone_flows: { zones: [number, number]; bytes_per_second: number }[];
  nodes: NodeColumns;
  node_flows: { from: number[]; to: number[]; bytes_per_second: number[]; distance: number[]; shown: number; pairs: number };
  applications: { total: number; items: ApplicationRow[] };
  placements: { applications: string[]; application: number[]; node: number[]; pods: number[] } | null;
  missing: Missing | null;
}

export interface Applications {
  total: number;
  offset: number;
  items: ApplicationRow[];
}

export interface Part {
  policy: string;
  label: string;
  peer?: string;
  amount: number;
}

export interface Candidate {
  node: string;
  score: number;
  raw: number;
  policies?: { policy: string; weight: number; raw: number; share: number }[];
  parts?: Part[];
  peers: {
    application: string;
    pods: number;
    outbound_bytes_per_second: number;
    inbound_bytes_per_second: number;
  }[];
}

export interface ApplicationDetail {
  application: string;
  pods: number;
  replicas: number | null;
  cpu_millicores: number | null;
  memory_bytes: number | null;
  local_routing: boolean;
  totals: Totals;
  nodes: { node: string; zone: string | null; pods: number; within: number; beyond: number }[];
  peers: ({ application: string; pods: number; outbound: number; inbound: number } & Totals)[];
  nodes_left_out: number;
  peers_left_out: number;
  next_replica: { policy_set: string; empty: string | null; candidates: number; nodes: Candidate[] } | null;
}

export interface Room {
  allocatable: number | null;
  requested: number | null;
}

export interface NodeDetail {
  node: string;
  zone: string | null;
  region: string | null;
  closed: boolean;
  pods: number;
  max_pods: number | null;
  cpu_millicores: Room | null;
  memory_bytes: Room | null;
  totals: Totals;
  applications: { application: string; pods: number; within: number; beyond: number }[];
  peers: { node: string; zone: string | null; distance: number; bytes_per_second: number }[];
  flows: { application: string; peer: string; peer_node: string; bytes_per_second: number }[];
  applications_left_out: number;
  peers_left_out: number;
}

export interface DecisionSummary {
  serial: string;
  at: number;
  door: string;
  pod: string;
  application: string | null;
  best: { node: string; score: number; raw: number } | null;
  chosen: string | null;
  agrees: boolean | null;
  empty: string | null;
  generation: number;
  canary: boolean;
  policies: string[];
  faults: number;
  candidates: number;
  named: number;
  took_microseconds: number;
}

export interface Decision {
  serial: string;
  id?: string;
  door: string;
  outcome?: string;
  chosen: string | null;
  at: number;
  pod: string;
  application: string | null;
  generation: number;
  canary: boolean;
  policies: { policy: string; digest: string; fault: string | null }[];
  candidates: number;
  named: number;
  empty: string | null;
  flows_age_seconds: number | null;
  took_microseconds: number;
  nodes: Candidate[];
}

export interface History {
  oldest: number | null;
  newest: number | null;
  interval_seconds: number;
  bytes: number;
  most_bytes: number;
  frames: (Totals & { at: number; pods: number })[];
}

export type Mode = "active" | "canary" | "shadow" | "ready";

export interface PolicyEntry {
  state: string;
  name: string;
  digest: string;
  revision: string;
  settings: {
    weight: number;
    normalisation: string;
    on_fault: string;
    parameters: Record<string, string | number | boolean>;
    limits: { memory_mib: number; deadline_ms: number; output_kib: number; artefact_mib: number };
    grants: string[];
  };
  mode: Mode;
  percent?: number;
  origin: string;
  signature?: { check: string; signed_by?: string };
  since: number;
  by: string;
  version?: string;
  summary?: string;
  degraded?: string;
  not_restored?: string;
}

export interface Policies {
  generation: number;
  policies: PolicyEntry[];
  rejected: { name: string; digest: string; reason: string; at: number; by: string }[];
  /** Generations that a rollback can go back to, the newest first. */
  earlier: number[];
}

export interface Shadow {
  name: string;
  requests: number;
  other_node: number;
  other_node_ratio: number;
  rank_correlation: number | null;
  active_local_bytes_per_second: { mean: number; deviation: number };
  shadow_local_bytes_per_second: { mean: number; deviation: number };
  local_bytes_change: number | null;
  faults: number;
  last_fault?: string;
  p50_microseconds: number;
  p99_microseconds: number;
}

export interface ChangeOutcome {
  generation: number;
  changed: boolean;
  answering: { name: string; mode: Mode; percent?: number; weight: number }[];
}
