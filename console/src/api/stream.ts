// Server-sent events, read with `fetch`: `EventSource` sends no headers, so it could not say who asks.

import { headers } from "./client";
import { answered, lost } from "./connection";

export interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

/** Silence after which the connection is taken for dead, in milliseconds; the server says something more often. */
const SILENCE = 45_000;

/** Pauses between attempts, in milliseconds; the last one is repeated. */
const PAUSES = [300, 1_000, 2_000, 4_000];

/** Most characters of an event that are kept. */
const LONGEST = 4 << 20;

/** Splits a stream into events. A carriage return counts as part of the line end. */
export class Events {
  #rest = "";
  #event: ServerEvent = { id: "", event: "message", data: "" };

  *push(text: string): Generator<ServerEvent> {
    const lines = (this.#rest + text).split("\n");
    this.#rest = (lines.pop() ?? "").slice(-LONGEST);
    for (const whole of lines) {
      const line = whole.endsWith("\r") ? whole.slice(0, -1) : whole;
      if (line === "") {
        if (this.#event.data !== "") yield { ...this.#event, data: this.#event.data.slice(0, -1) };
        this.#event = { id: this.#event.id, event: "message", data: "" };
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "data") this.#event.data = `${this.#event.data}${value}\n`.slice(0, LONGEST);
      else if (field === "event") this.#event.event = value;
      else if (field === "id") this.#event.id = value;
    }
  }
}

/** Where a stream was left: the id of the last event, from which it goes on. */
export interface Place {
  last: string;
}

/** Who listens to a stream. */
export interface Listener {
  hear: (event: ServerEvent) => void;
  /** Whether events come as they are made; said each time that a connection begins or ends. */
  live: (is: boolean) => void;
}

/** Reads `path` until `stop`; connects again after whatever ends it, and says then from where to go on. */
export async function follow(path: string, place: Place, { hear, live }: Listener, stop: AbortSignal): Promise<void> {
  let attempt = 0;
  let wake: () => void = () => undefined;
  window.addEventListener("online", () => wake(), { signal: stop });
  stop.addEventListener("abort", () => wake(), { once: true });

  const once = async (): Promise<void> => {
    const silent = new AbortController();
    const signal = AbortSignal.any([stop, silent.signal]);
    let clock = setTimeout(() => silent.abort(), SILENCE);
    try {
      const asked = headers({ accept: "text/event-stream", ...(place.last ? { "last-event-id": place.last } : {}) });
      const response = await fetch(path, { headers: asked, cache: "no-store", credentials: "omit", signal });
      answered();
      if (!response.ok || !response.body) {
        attempt = PAUSES.length;
        return;
      }
      attempt = 0;
      live(true);
      const events = new Events();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(clock);
        clock = setTimeout(() => silent.abort(), SILENCE);
        for (const event of events.push(value)) {
          if (event.id) place.last = event.id;
          hear(event);
        }
      }
    } finally {
      clearTimeout(clock);
      live(false);
    }
  };

  while (!stop.aborted) {
    try {
      await once();
    } catch {
      if (!stop.aborted) lost();
    }
    if (stop.aborted) return;
    const pause = PAUSES[Math.min(attempt, PAUSES.length - 1)] ?? 4_000;
    attempt += 1;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pause);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
