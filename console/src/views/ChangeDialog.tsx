// Asks before a policy changes, and says what will happen.

import { useState } from "preact/hooks";
import { change as send, Refused } from "../api/client";
import type { ChangeOutcome, PolicyEntry } from "../api/types";
import { counted, percent as inPercent, sentence, shown } from "../format";
import { Dialog } from "../parts/Dialog";

export type Change =
  | { kind: "activate" | "canary" | "shadow" | "ready" | "weigh" | "remove"; entry: PolicyEntry }
  | { kind: "rollback"; to: number };

interface Props {
  change: Change;
  policies: PolicyEntry[];
  close: () => void;
  done: (sentence: string) => void;
}

const TITLES = {
  activate: "Activate",
  canary: "Make a canary of",
  shadow: "Make a shadow of",
  ready: "Let rest",
  weigh: "Weigh",
  remove: "Remove",
};

export function ChangeDialog({ change, policies, close, done }: Props) {
  const [only, setOnly] = useState(false);
  const [nothing, setNothing] = useState(false);
  const [percent, setPercent] = useState(10);
  const [weight, setWeight] = useState(change.kind === "rollback" ? 1 : change.entry.settings.weight);
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  const active = policies.filter((policy) => policy.mode === "active");
  const entry = change.kind === "rollback" ? undefined : change.entry;
  const last = entry?.mode === "active" && active.length === 1 && ["canary", "shadow", "ready", "remove"].includes(change.kind);
  const run = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const [method, path] = call(change, { only, nothing: last && nothing, percent, weight });
      done(said(await send<ChangeOutcome>(method, path)));
    } catch (refused) {
      setError(refused instanceof Error ? refused : new Error(String(refused)));
      setBusy(false);
    }
  };
  return (
    <Dialog title={entry ? `${TITLES[change.kind as keyof typeof TITLES]} ${shown(entry.name)}?` : "Roll back?"} close={close}>
      <form onSubmit={run}>
        {change.kind === "canary" && (
          <label class="field">
            <span>Share of the workloads, in per cent</span>
            <input type="number" min="1" max="99" required value={percent} onInput={(event) => setPercent(event.currentTarget.valueAsNumber)} />
          </label>
        )}
        {change.kind === "weigh" && (
          <label class="field">
            <span>Weight</span>
            <input type="number" min="0.001" max="1000000" step="any" required value={weight} onInput={(event) => setWeight(event.currentTarget.valueAsNumber)} />
          </label>
        )}
        {change.kind === "activate" && active.some((policy) => policy.name !== entry?.name) && (
          <label class="choice">
            <input type="checkbox" checked={only} onChange={(event) => setOnly(event.currentTarget.checked)} />
            <span>Alone: the others become ready</span>
          </label>
        )}
        <p>{consequence(change, active, { only, percent, weight })}</p>
        {last && (
          <label class="choice">
            <input type="checkbox" checked={nothing} onChange={(event) => setNothing(event.currentTarget.checked)} />
            <span>It is the only active policy. Leave nothing active: pods get no scores, and kube-scheduler decides alone</span>
          </label>
        )}
        {error && (
          <p class="notice" role="alert">
            {error instanceof Refused ? sentence(error.message) : "The server does not answer. Nothing is known to have changed."}
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class={change.kind === "remove" ? "danger primary" : "primary"} disabled={busy || (last && !nothing && change.kind !== "remove")}>
            {change.kind === "rollback" ? "Roll back" : change.kind === "ready" ? "Let rest" : change.kind === "remove" ? "Remove" : "Do it"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface Settings {
  only: boolean;
  percent: number;
  weight: number;
}

function call(change: Change, { only, nothing, percent, weight }: Settings & { nothing: boolean }): ["POST" | "DELETE", string] {
  if (change.kind === "rollback") return ["POST", "v1/rollback"];
  const path = `v1/policies/${encodeURIComponent(change.entry.name)}`;
  const left = nothing ? "leave_nothing_active=true" : "";
  switch (change.kind) {
    case "activate":
      return ["POST", `${path}/activate${only ? "?only=true" : ""}`];
    case "canary":
      return ["POST", `${path}/canary?percent=${percent}${left && `&${left}`}`];
    case "weigh":
      return ["POST", `${path}/weigh?weight=${weight}`];
    case "remove":
      return ["DELETE", `${path}${left && `?${left}`}`];
    default:
      return ["POST", `${path}/${change.kind}${left && `?${left}`}`];
  }
}

/** What will happen, in a sentence. */
function consequence(change: Change, active: PolicyEntry[], { only, percent, weight }: Settings): string {
  if (change.kind === "rollback") {
    return `The policies of generation ${change.to} answer again from the next request on: the newest earlier set that scored. A second rollback takes this one back.`;
  }
  const { entry } = change;
  const name = shown(entry.name);
  const others = active.filter((policy) => policy.name !== entry.name);
  const names = others.map((policy) => shown(policy.name)).join(" and ");
  const share = (own: number) => inPercent(own / others.reduce((sum, policy) => sum + policy.settings.weight, own));
  const goOn = others.length > 0 ? `${names} ${others.length === 1 ? "goes" : "go"} on answering.` : "Nothing else answers.";
  switch (change.kind) {
    case "activate":
      if (others.length === 0) return `${name} answers from the next request on, alone.`;
      if (only) return `${name} answers from the next request on, alone. ${names} ${others.length === 1 ? "stays" : "stay"} loaded and unused.`;
      return `${name} answers from the next request on, beside ${names}: with its weight ${entry.settings.weight} it makes ${share(entry.settings.weight)} of the score.`;
    case "canary":
      return `${name} answers for ${Number.isFinite(percent) ? percent : "?"}% of the workloads, always the same ones. It is withdrawn by itself if it fails or is slow. ${others.length > 0 ? `For all others, ${goOn}` : goOn}`;
    case "shadow":
      return `${name} scores every pod, and its scores do not count. This page compares them with what answers. ${goOn}`;
    case "ready":
      return `${name} stays loaded and is not asked. ${goOn}`;
    case "weigh":
      return entry.mode === "active" && weight > 0
        ? `From the next request on it makes ${share(weight)} of the score (now ${share(entry.settings.weight)}).`
        : `Its weight counts when it is active.`;
    default:
      return `All revisions of ${name} are unloaded. ${goOn} A rollback to a set that had it brings it back.`;
  }
}

function said({ changed, generation, answering }: ChangeOutcome): string {
  if (!changed) return "Nothing changed: it was so already.";
  const names = answering.map((one) => `${shown(one.name)}${one.mode === "canary" ? ` (canary ${one.percent}%)` : ""}`);
  return `Generation ${generation}. ${names.length > 0 ? `${counted(names.length, "policy", "policies")} ${names.length === 1 ? "answers" : "answer"}: ${names.join(", ")}.` : "Nothing answers."}`;
}
