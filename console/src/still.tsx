// Draws maps that stand in a page as data, such as those of `netmarks simulate --html`: the console's own picture, without a server.

import { render } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { ClusterMap } from "./api/types";
import { Legend } from "./map/Legend";
import { model } from "./map/model";
import { Picture } from "./map/Picture";

const NOTHING = () => undefined;

function Still({ map }: { map: ClusterMap }) {
  const [node, setNode] = useState<string | null>(null);
  const [application, setApplication] = useState<string>();
  const drawn = useMemo(() => model(map), [map]);
  return (
    <>
      <Picture
        model={drawn}
        node={node}
        application={application ?? null}
        applicationCurves={null}
        applicationNodes={null}
        podFlows={null}
        open={setNode}
        near={NOTHING}
      />
      <Legend map={map} model={drawn} application={application ?? null} select={setApplication} opened={null} podFlows={null} />
    </>
  );
}

for (const place of document.querySelectorAll<HTMLElement>(".still")) {
  const data = place.querySelector("script")?.textContent;
  if (!data) continue;
  place.replaceChildren();
  render(<Still map={JSON.parse(data) as ClusterMap} />, place);
}
