// The page: its head with the cluster's figures, what the connection does, and one view.

import { useEffect, useState } from "preact/hooks";
import { Refused } from "../api/client";
import { startFeed } from "../api/feed";
import { useResource } from "../api/resource";
import type { About, ClusterMap, History } from "../api/types";
import { shown } from "../format";
import { Guard } from "../parts/Guard";
import { useAddress } from "../router";
import { Banner } from "./Banner";
import { Decisions } from "./Decisions";
import { Head } from "./Head";
import { MapPage } from "./MapPage";
import { Policies } from "./Policies";
import { TokenForm } from "./TokenForm";

/** Parameters of the address that the server filters the map by. */
const FILTERS = ["namespace", "at_least", "at"] as const;

/** More nodes than this are asked for less often. */
const LARGE = 500;

export function App() {
  const [here] = useAddress();
  const [known, setKnown] = useState(0);
  const about = useResource<About>(`v1/about`, 60);
  const view = here.path[0] ?? "map";
  const filter = new URLSearchParams();
  if (view === "map") for (const key of FILTERS) if (here.query.get(key)) filter.set(key, here.query.get(key) ?? "");
  const [seconds, setSeconds] = useState(5);
  const map = useResource<ClusterMap>(`v1/map${filter.size > 0 ? `?${filter}` : ""}`, here.query.get("at") ? undefined : seconds);
  const large = (map.data?.nodes.names.length ?? 0) > LARGE;
  useEffect(() => setSeconds(view !== "map" ? 30 : large ? 15 : 5), [view, large]);
  const history = useResource<History>("v1/history", 30);
  useEffect(() => {
    const names: Record<string, string> = { map: "Map", decisions: "Decisions", policies: "Policies" };
    document.title = `${[shown(here.query.get("node") ?? here.query.get("application") ?? ""), names[view]].filter(Boolean).join(" · ")} · NetMARKS`;
  });
  const unknown = [map, about].some(({ error }) => error instanceof Refused && error.unknownCaller);
  useEffect(() => (unknown ? undefined : startFeed()), [known, unknown]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        Skip to the view
      </a>
      <Head about={about.data} map={map.data} filtered={filter.has("namespace") || filter.has("at_least")} view={view} />
      <Banner map={map.data} at={view === "map" ? here.query.get("at") : null} measured={about.data?.origin === "sources"} />
      <main id="main" tabIndex={-1} class={`view-${view}`}>
        <Guard view={window.location.hash}>
          {unknown ? (
            <TokenForm
              known={() => {
                setKnown(known + 1);
                for (const resource of [about, map, history]) resource.reload();
              }}
            />
          ) : view === "map" ? (
            <MapPage map={map.data} error={map.error} history={history.data} />
          ) : view === "decisions" ? (
            <Decisions here={here} />
          ) : view === "policies" ? (
            <Policies about={about.data} selected={here.path[1]} />
          ) : (
            <p class="none">
              There is no such view. <a href="#/map">The map</a>
            </p>
          )}
        </Guard>
      </main>
    </>
  );
}
