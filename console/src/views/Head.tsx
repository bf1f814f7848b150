// The head: where one can go, and the cluster in four figures.

import { useState } from "preact/hooks";
import { useConnection } from "../api/connection";
import type { About, ClusterMap } from "../api/types";
import { count, money, percent, rate, shown } from "../format";
import { Dialog } from "../parts/Dialog";
import { acrossZones, local, Split } from "../parts/Split";
import { address } from "../router";

const VIEWS = [
  ["map", "Map"],
  ["decisions", "Decisions"],
  ["policies", "Policies"],
] as const;

const PRICE = "netmarks-price-per-gb";
/** Seconds of a mean month, bytes of a GB as clouds count them. */
const MONTH = 365.2425 / 12 * 86_400;
const GB = 1e9;

interface Props {
  about: About | undefined;
  map: ClusterMap | undefined;
  /** Whether the map is of some flows or pods alone. */
  filtered: boolean;
  view: string;
}

export function Head({ about, map, filtered, view }: Props) {
  const [price, setPrice] = useState(() => Number(localStorage.getItem(PRICE)) || 0);
  const [asks, setAsks] = useState(false);
  const connection = useConnection();
  const totals = map?.totals;
  const pods = map?.zones.reduce((sum, zone) => sum + zone.pods, 0) ?? 0;
  const nodes = map?.zones.reduce((sum, zone) => sum + zone.nodes, 0) ?? 0;
  return (
    <header class="head">
      <a class="brand" href="#/map">
        <img src="icon.svg" alt="" width="22" height="22" />
        <b>NetMARKS</b>
        {about && about.origin !== "sources" && <span class="badge">{about.origin === "demo" ? "demo" : "file"}</span>}
        <i class={`lamp ${connection.state}`} title={connection.state === "lost" ? "The server does not answer" : "The server answers"} />
      </a>
      <nav aria-label="Views">
        {VIEWS.map(([name, words]) => (
          <a key={name} href={address([name])} aria-current={view === name ? "page" : undefined}>
            {words}
          </a>
        ))}
      </nav>
      {totals && (
        <dl class="totals">
          <div class="first">
            <dt>
              {filtered && (
                <span class="badge" title="These figures are of what the map's filters leave.">
                  filtered
                </span>
              )}{" "}
              stays on its node
            </dt>
            <dd>
              {percent(local(totals))} <Split totals={totals} />
            </dd>
          </div>
          <div>
            <dt>across zones</dt>
            <dd class="zones-ink">{rate(acrossZones(totals))}</dd>
          </div>
          <div>
            <dt>price a month</dt>
            <dd>
              <button type="button" class="plain" onClick={() => setAsks(true)}>
                {price > 0 ? money((acrossZones(totals) * MONTH * price) / GB) : "set a price"}
              </button>
            </dd>
          </div>
          <div class="sizes">
            <dt>{count(nodes)} nodes</dt>
            <dd>{count(pods)} pods</dd>
          </div>
        </dl>
      )}
      {asks && <PriceDialog price={price} set={setPrice} close={() => setAsks(false)} version={about ? shown(about.version) : ""} />}
    </header>
  );
}

function PriceDialog({ price, set, close, version }: { price: number; set: (price: number) => void; close: () => void; version: string }) {
  const [text, setText] = useState(price > 0 ? String(price) : "");
  return (
    <Dialog title="What does a GB across zones cost?" close={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const value = Math.max(0, Number(text) || 0);
          localStorage.setItem(PRICE, String(value));
          set(value);
          close();
        }}
      >
        <label class="field">
          <span>Price per GB (10⁹ bytes), in any currency; empty for none</span>
          <input type="number" min="0" step="any" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <p class="dim">
          Clouds that charge both ends of a connection: enter the sum. The price stays in this browser. The month is what crosses zones now, going on for 30.4 days.
        </p>
        <div class="actions">
          <span class="dim version">NetMARKS {version}</span>
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Set
          </button>
        </div>
      </form>
    </Dialog>
  );
}
