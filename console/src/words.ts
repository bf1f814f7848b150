// What the API's short names mean, in sentences.

const EMPTY: Record<string, string> = {
  "no-preference": "No score: no node is better than another for this pod.",
  "no-policy": "No score: no policy is active.",
  "no-metrics": "No score: there are no flows yet.",
  "stale-metrics": "No score: the flows are too old.",
  "policy-fault": "No score: the policy failed.",
  deadline: "No score: it took too long.",
  overloaded: "No score: too many requests at once.",
};

/** Why a decision has no scores. */
export function empty(reason: string): string {
  return EMPTY[reason] ?? `No score: ${reason.replaceAll("-", " ")}.`;
}

const DOORS: Record<string, string> = { extender: "kube-scheduler", admission: "webhook" };

export function door(name: string): string {
  return DOORS[name] ?? name;
}
