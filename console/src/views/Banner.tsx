// Says when the server is lost and when it is back, and when what is shown is not now.

import { useEffect, useState } from "preact/hooks";
import { useConnection } from "../api/connection";
import type { ClusterMap } from "../api/types";
import { clock, span } from "../format";

/** Flows of this age, in seconds, are worth a word. */
const OLD = 180;

export function Banner({ map, at, measured }: { map: ClusterMap | undefined; at: string | null; measured: boolean }) {
  const connection = useConnection();
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((times) => times + 1), 1_000);
    return () => clearInterval(timer);
  }, []);
  const age = map?.at ? Date.now() / 1000 - map.at : 0;
  let words = "";
  let kind = "";
  if (connection.state === "lost") {
    kind = "lost";
    words = `The server has not answered since ${clock(connection.since / 1000)}. What is shown is from then; it is tried again all the time.`;
  } else if (connection.state === "back") {
    kind = "back";
    words = `The server is back after ${span(connection.away / 1000)}.`;
  } else if (at !== null) {
    kind = "past";
    words = `This is the cluster at ${clock(Number(at))}, not now.`;
  } else if (measured && map && !map.missing && age > OLD) {
    kind = "past";
    words = `The flows were measured ${span(age)} ago.`;
  }
  return (
    <p class={`banner ${kind}`} role="status">
      {words}
    </p>
  );
}
