// What a view reads: fetched, fetched again from time to time while somebody looks, and when the server is back.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get, Refused } from "./client";
import { useConnection } from "./connection";

export interface Resource<T> {
  data: T | undefined;
  error: Error | undefined;
  reload: () => void;
}

/** `path` null reads nothing. What was read stays while the next answer is on its way, unless the path's place is another one. */
export function useResource<T>(path: string | null, everySeconds?: number): Resource<T> {
  const [answer, setAnswer] = useState<{ of: string; data?: T; error?: Error }>();
  const [round, setRound] = useState(0);
  const connection = useConnection();
  const back = connection.state === "back";
  const text = useRef("");

  useEffect(() => {
    if (path === null) return undefined;
    let current = true;
    const read = () => {
      if (document.visibilityState === "hidden") return;
      get<T>(path).then(
        (data) => {
          if (!current) return;
          // The same answer again is no reason to draw again.
          const now = JSON.stringify(data);
          if (now === text.current) return;
          text.current = now;
          setAnswer({ of: path, data });
        },
        (error: Error) => {
          if (!current) return;
          text.current = "";
          // Nothing changes until somebody says who asks; the server notes every attempt.
          if (error instanceof Refused && error.unknownCaller) clearInterval(timer);
          setAnswer((before) => (before?.of === path ? { ...before, error } : { of: path, error }));
        },
      );
    };
    text.current = "";
    read();
    const timer = everySeconds === undefined ? undefined : setInterval(read, everySeconds * 1_000);
    document.addEventListener("visibilitychange", read);
    return () => {
      current = false;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", read);
    };
  }, [path, everySeconds, round, back]);

  const reload = useCallback(() => setRound((times) => times + 1), []);
  const place = (of: string) => of.split("?", 1)[0];
  const ours = answer && path !== null && place(answer.of) === place(path) ? answer : undefined;
  return { data: ours?.data, error: ours?.error, reload };
}
