// The map with what is selected beside it, as a picture or as tables, now or at a time of the history.

import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { get } from "../api/client";
import { useResource } from "../api/resource";
import type { ApplicationDetail, ClusterMap, History, NodeDetail } from "../api/types";
import { Legend } from "../map/Legend";
import { curvesBetween, type MapModel, model } from "../map/model";
import { podFlows } from "../map/flows";
import { Picture } from "../map/Picture";
import { Notice } from "../parts/Notice";
import { useAddress } from "../router";
import { ApplicationPanel } from "./ApplicationPanel";
import { Filters } from "./Filters";
import { MapTables } from "./MapTables";
import { Missing } from "./Missing";
import { NodePanel } from "./NodePanel";
import { Overview } from "./Overview";
import { TimeSlider } from "./TimeSlider";

interface Props {
  map: ClusterMap | undefined;
  error: Error | undefined;
  history: History | undefined;
}

export function MapPage({ map, error, history }: Props) {
  const [{ query }, change] = useAddress();
  const node = query.get("node");
  const application = query.get("application");
  const at = query.get("at") ?? "";
  const tables = query.get("as") === "tables";
  const close = useCallback(() => change({ node: undefined, application: undefined }), []);
  const detail = useResource<ApplicationDetail>(application === null ? null : applicationPath(application, at), at ? undefined : 10);
  const opened = useResource<NodeDetail>(node === null ? null : `v1/nodes/${encodeURIComponent(node)}${at && `?at=${at}`}`, at ? undefined : 10);
  const base = useMemo(() => map && model(map), [map]);
  const namespace = query.get("namespace") ?? "";
  const [near, closeUp] = useCloseUp(base, at, namespace);
  const shownModel = near ?? base;
  const own = new URLSearchParams({ application: application ?? "", ...(at && { at }) });
  const flows = useResource<ClusterMap>(application === null ? null : `v1/map?${own}`, at ? undefined : 10).data;
  const curves = useMemo(() => (shownModel && flows && application !== null ? curvesBetween(shownModel, flows) : null), [shownModel, flows, application]);
  const least = Number(query.get("at_least") ?? 0);
  const ofPods = useMemo(() => {
    if (!shownModel || !opened.data || application !== null) return null;
    return podFlows(shownModel, opened.data, namespace, least);
  }, [shownModel, opened.data, application, namespace, least]);
  const nodes = useMemo(() => detail.data?.nodes.map((place) => place.node) ?? null, [detail.data]);

  return (
    <div class="map-page">
      <h1 class="spoken">Map</h1>
      <Filters map={map} />
      <div class="map-body">
        <div class="map-main">
          <Notice error={error} about="The map" />
          {map?.missing && <Missing missing={map.missing} />}
          {map && shownModel && shownModel.nodes.length > 0 ? (
            tables ? (
              <MapTables map={map} model={shownModel} selected={node} />
            ) : (
              <>
                <Picture
                  model={shownModel}
                  node={node}
                  application={application}
                  applicationCurves={curves}
                  applicationNodes={nodes}
                  podFlows={ofPods}
                  open={(name) => change({ node: name ?? undefined, application: undefined })}
                  near={closeUp}
                />
                <Legend
                  map={map}
                  model={shownModel}
                  application={application}
                  select={(name) => change({ application: name, node: undefined })}
                  opened={opened.data ?? null}
                  podFlows={ofPods}
                />
              </>
            )
          ) : (
            <p class="none">{map ? "There are no nodes to draw." : error ? "" : "Reading the cluster…"}</p>
          )}
          <TimeSlider history={history} />
        </div>
        {node !== null ? (
          <NodePanel name={node} resource={opened} close={close} />
        ) : application !== null ? (
          <ApplicationPanel name={application} resource={detail} close={close} />
        ) : (
          map && <Overview map={map} />
        )}
      </div>
    </div>
  );
}

export function applicationPath(application: string, at: string): string {
  const slash = application.indexOf("/");
  const parts = [application.slice(0, Math.max(0, slash)), application.slice(slash + 1)].map(encodeURIComponent);
  return `v1/applications/${parts.join("/")}${at && `?at=${at}`}`;
}

/** In a large cluster the pods of the nodes in view are asked for when one looks closely. */
function useCloseUp(base: MapModel | undefined, at: string, namespace: string): [MapModel | null, (nodes: string[]) => void] {
  const [wanted, setWanted] = useState<string[]>([]);
  const [close, setClose] = useState<ClusterMap | null>(null);
  const known = base?.nodes[0]?.groups !== null;
  const key = known ? "" : wanted.join();
  useEffect(() => {
    setClose((before) => (key === "" ? null : before));
    if (key === "") return undefined;
    let current = true;
    const query = new URLSearchParams({ nodes: key, ...(at && { at }), ...(namespace && { namespace }) });
    get<ClusterMap>(`v1/map?${query}`).then(
      (map) => current && setClose(map),
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [key, at, namespace]);
  const merged = useMemo(() => {
    if (!base || !close) return null;
    const detailed = model(close);
    const groups = new Map(detailed.nodes.map((node) => [node.name, node.groups]));
    const nodes = base.nodes.map((node) => ({ ...node, groups: groups.get(node.name) ?? null }));
    return { ...base, nodes, applications: detailed.applications, colours: detailed.colours };
  }, [base, close]);
  return [merged, setWanted];
}
