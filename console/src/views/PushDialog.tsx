// A component and how it should count, sent to the server, which checks, compiles and tries it before it counts.

import { useState } from "preact/hooks";
import { change as send, Refused } from "../api/client";
import type { ChangeOutcome, Mode, PolicyEntry } from "../api/types";
import { sentence, shown, size } from "../format";
import { Dialog } from "../parts/Dialog";

interface Props {
  file: File | null;
  policies: PolicyEntry[];
  close: () => void;
  done: (sentence: string) => void;
}

const MODES: Record<Mode, string> = {
  shadow: "It scores every pod, and its scores do not count. This page compares them.",
  ready: "It is loaded and tried, and not asked.",
  canary: "It answers for a share of the workloads.",
  active: "It answers from the next request on, beside what is active.",
};

export function PushDialog({ file: dropped, policies, close, done }: Props) {
  const [file, setFile] = useState(dropped);
  const [name, setName] = useState(dropped ? nameOf(dropped) : "");
  const [mode, setMode] = useState<Mode>("shadow");
  const [percent, setPercent] = useState(10);
  const [weight, setWeight] = useState(1);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  const known = policies.find((policy) => policy.name === name);
  const push = async (event: Event) => {
    event.preventDefault();
    if (!file) return;
    setBusy(true);
    setError(undefined);
    const query = new URLSearchParams({ mode, weight: String(weight), ...(mode === "canary" && { percent: String(percent) }) });
    try {
      const outcome = await send<ChangeOutcome>("PUT", `v1/policies/${encodeURIComponent(name)}?${query}`, file);
      done(outcome.changed ? `${shown(name)} was checked, compiled and tried; it is ${mode}. Generation ${outcome.generation}.` : "Nothing changed: it was there already, with these settings.");
    } catch (refused) {
      setError(refused instanceof Error ? refused : new Error(String(refused)));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Push a policy" close={close}>
      <form onSubmit={push}>
        <label class="field">
          <span>Component</span>
          <input
            type="file"
            accept=".wasm,application/wasm"
            required={file === null}
            onChange={(event) => {
              const chosen = event.currentTarget.files?.[0] ?? null;
              setFile(chosen);
              if (chosen && !name) setName(nameOf(chosen));
            }}
          />
        </label>
        {file && (
          <p class="dim">
            {shown(file.name)}, {size(file.size)}
          </p>
        )}
        <label class="field">
          <span>Name</span>
          <input type="text" required maxLength={63} pattern="[a-z0-9]([a-z0-9\-]*[a-z0-9])?" value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <div class="fields">
          <label class="field">
            <span>Mode</span>
            <select value={mode} onChange={(event) => setMode(event.currentTarget.value as Mode)}>
              {Object.keys(MODES).map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
          {mode === "canary" && (
            <label class="field">
              <span>Per cent</span>
              <input type="number" min="1" max="99" required value={percent} onInput={(event) => setPercent(event.currentTarget.valueAsNumber)} />
            </label>
          )}
          <label class="field">
            <span>Weight</span>
            <input type="number" min="0.001" max="1000000" step="any" required value={weight} onInput={(event) => setWeight(event.currentTarget.valueAsNumber)} />
          </label>
        </div>
        <p>
          {MODES[mode]}
          {known && !busy && ` There is a ${shown(name)} already (${known.mode}); this becomes its next revision.`}
        </p>
        {error && (
          <p class="notice" role="alert">
            {error instanceof Refused ? sentence(error.message) : "The server does not answer. Whether it took the policy is shown when it is back."}
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy || !file}>
            {busy ? "Checking, compiling, trying…" : "Push"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The file's name without its ending, as a policy's name can be. */
function nameOf(file: File): string {
  return file.name
    .replace(/\.wasm$/i, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 63);
}
