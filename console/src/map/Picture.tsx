// The map as a picture: one canvas, moved by pointer, wheel, pinch and keys. What it shows is also in the tables.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { counted, percent, rate, shown } from "../format";
import { Glyph } from "../parts/Glyph";
import { type Camera, fit, pan, reveal, under, zoom } from "./camera";
import { bands, type Drawn, drawn } from "./curves";
import { WITH_DOTS, WITH_TEXT } from "./dots";
import { draw, type Emphasis } from "./draw";
import { type Box, CARD, type Layout, layout } from "./layout";
import { type Curve, localShare, type MapModel } from "./model";
import type { PodFlow } from "./flows";
import { opened } from "./opened";
import { theme as readTheme, type Theme } from "./theme";

interface Props {
  model: MapModel;
  /** What the address selects, by name. */
  node: string | null;
  application: string | null;
  /** The application's curves, where they are known, and the nodes that it runs on. */
  applicationCurves: Curve[] | null;
  applicationNodes: string[] | null;
  /** What the pods of the opened node exchange with others and with one another, where it is known. */
  podFlows: PodFlow[] | null;
  open: (node: string | null) => void;
  /** The nodes in view that are near enough for dots, when it changes. */
  near: (nodes: string[]) => void;
}

interface Tip {
  x: number;
  y: number;
  lines: string[];
}

const KEYS = "Arrow keys go from node to node, Enter opens one, Escape closes it; plus, minus and 0 zoom.";

export function Picture(props: Props) {
  const { model, open, near } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [view, setView] = useState({ width: 0, height: 0 });
  const [theme, setTheme] = useState<Theme>();
  const [hover, setHover] = useState<number | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const [tip, setTip] = useState<Tip | null>(null);
  const camera = useRef<Camera | null>(null);
  const frame = useRef(0);

  const shape = `${model.zones.map((zone) => zone.nodes.length).join()} ${view.width > 0 ? (view.width / Math.max(1, view.height)).toFixed(1) : ""}`;
  // Where things are depends on how many there are, not on their bytes: the map stands still while figures change.
  const plan = useMemo(() => layout(model, view.width > 0 ? view : { width: 16, height: 9 }), [shape]);
  const most = Math.max(1, ...model.curves.slice(0, 1).map((curve) => curve.bytes));
  const all = useMemo(() => drawn(model, plan, model.curves, most), [model, plan]);
  const grouped = useMemo(() => bands(all), [all]);

  const flows = useMemo(() => {
    const flows = props.podFlows ?? [];
    return flows.length > 0 ? opened(model, plan, flows, Math.max(most, ...flows.map((flow) => flow.bytes))) : null;
  }, [model, plan, props.podFlows]);

  const emphasis = useMemo<Emphasis>(() => {
    const place = (name: string | null) => (name === null ? -1 : model.nodes.findIndex((node) => node.name === name));
    const node = place(props.node);
    const application = props.application === null ? -1 : model.applications.indexOf(props.application);
    const around = hover ?? (node >= 0 ? node : null);
    const own = props.applicationCurves && drawn(model, plan, props.applicationCurves, Math.max(most, ...props.applicationCurves.map((curve) => curve.bytes)));
    const ends = around === null ? null : all.filter(({ curve }) => curve.from === around || curve.to === around);
    // Another node under the pointer shows its own curves for as long.
    const ofPods = !own && around === node ? flows : null;
    return {
      node: node >= 0 ? node : null,
      hover: hover ?? at,
      application: application >= 0 ? application : null,
      nodes: props.applicationNodes && new Set(props.applicationNodes.map(place).filter((index) => index >= 0)),
      curves: hover === null && own ? own : ofPods ? ofPods.curves : ends && ends.length > 0 ? ends : null,
      opened: ofPods,
    };
  }, [model, plan, all, flows, hover, at, props.node, props.application, props.applicationCurves, props.applicationNodes]);

  const scene = useRef({ model, plan, grouped, emphasis, theme, view });
  scene.current = { model, plan, grouped, emphasis, theme, view };

  const paint = useCallback(() => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => {
      const { model, plan, grouped, emphasis, theme, view } = scene.current;
      const context = canvas.current?.getContext("2d");
      if (!context || !theme || view.width === 0) return;
      // Until it is moved, all of it is in view, also when the legend takes more room.
      const seen = camera.current ?? fit(plan, view);
      draw(context, { model, layout: plan, bands: grouped, emphasis, camera: seen, theme, view, pixels: devicePixelRatio });
    });
  }, []);

  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const measured = () => {
      const { width, height } = element.getBoundingClientRect();
      element.width = Math.round(width * devicePixelRatio);
      element.height = Math.round(height * devicePixelRatio);
      setView({ width, height });
      paint();
    };
    const observer = new ResizeObserver(measured);
    observer.observe(element);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const themed = () => setTheme(readTheme(element));
    dark.addEventListener("change", themed);
    themed();
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", themed);
    };
  }, []);

  // Another cluster or another shape of the view: begin with all of it.
  useEffect(() => {
    camera.current = null;
  }, [plan]);
  useEffect(paint);

  const settle = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const moved = useCallback(
    (next: Camera) => {
      camera.current = next;
      paint();
      clearTimeout(settle.current);
      settle.current = setTimeout(() => near(visible(scene.current.model, scene.current.plan, next, scene.current.view)), 150);
    },
    [near],
  );
  const now = () => camera.current ?? fit(plan, view);

  // Not through preact: a wheel that zooms must be able to keep the page from scrolling.
  useEffect(() => {
    const element = canvas.current;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const { plan, view } = scene.current;
      const at = { x: event.offsetX, y: event.offsetY };
      moved(zoom(camera.current ?? fit(plan, view), Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), at, plan, view));
    };
    element?.addEventListener("wheel", wheel, { passive: false });
    return () => element?.removeEventListener("wheel", wheel);
  }, [moved]);

  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const dragged = useRef(0);
  const down = (event: PointerEvent) => {
    pointers.current.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    dragged.current = 0;
    canvas.current?.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    const before = pointers.current.get(event.pointerId);
    const here = { x: event.offsetX, y: event.offsetY };
    if (!before) {
      point(here);
      return;
    }
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    pointers.current.set(event.pointerId, here);
    dragged.current += Math.hypot(here.x - before.x, here.y - before.y);
    if (other) {
      const apart = (one: { x: number; y: number }) => Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
      moved(zoom(now(), apart(here) / apart(before), { x: (here.x + other.x) / 2, y: (here.y + other.y) / 2 }, plan, view));
    } else if (dragged.current > 3) {
      setTip(null);
      moved(pan(now(), here.x - before.x, here.y - before.y, plan, view));
    }
  };
  const up = (event: PointerEvent) => {
    if (!pointers.current.delete(event.pointerId) || dragged.current > 3 || event.type === "pointercancel") return;
    const found = nodeAt(model, plan, under(now(), event.offsetX, event.offsetY));
    setAt(found);
    open(found === null ? null : (model.nodes[found]?.name ?? null));
  };

  /** What is under the pointer: a node with its application, or a curve. */
  const point = (here: { x: number; y: number }) => {
    const there = under(now(), here.x, here.y);
    const found = nodeAt(model, plan, there);
    setHover(found);
    const context = canvas.current?.getContext("2d");
    const hit = (curves: Drawn<Curve | PodFlow>[]) =>
      context ? curves.find(({ path, box }) => beside(box, there) && onCurve(context, path, there, now()))?.curve : undefined;
    const node = found === null ? undefined : model.nodes[found];
    const inCard = found !== null && found === emphasis.node ? hit(inCards(emphasis, now())) : undefined;
    if (inCard) {
      setTip({ ...here, lines: exchanged(model, inCard) });
      return;
    }
    if (node) {
      setTip({ ...here, lines: [shown(node.name), ...about(model, node)] });
      return;
    }
    const curve = hit([...(emphasis.opened?.curves ?? emphasis.curves ?? []), ...all]);
    setTip(curve ? { ...here, lines: exchanged(model, curve) } : null);
  };

  const centre = () => ({ x: view.width / 2, y: view.height / 2 });
  const key = (event: KeyboardEvent) => {
    const steps: Record<string, [number, number]> = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    const step = steps[event.key];
    if (step) {
      const next = at === null ? 0 : (neighbour(plan, at, step) ?? at);
      setAt(next);
      const box = plan.nodes[next];
      if (box) moved(reveal(now(), box, view));
    } else if (event.key === "Enter" || event.key === " ") {
      if (at !== null) open(model.nodes[at]?.name ?? null);
    } else if (event.key === "Escape") {
      setAt(null);
      open(null);
    } else if (event.key === "+" || event.key === "=") moved(zoom(now(), 1.3, centre(), plan, view));
    else if (event.key === "-") moved(zoom(now(), 1 / 1.3, centre(), plan, view));
    else if (event.key === "0") moved(fit(plan, view));
    else return;
    event.preventDefault();
  };

  const current = at === null ? undefined : model.nodes[at];
  return (
    <div class="picture">
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-roledescription="map"
        aria-label={`Map: ${counted(model.nodes.length, "node")} in ${counted(model.zones.length, "zone")}. ${KEYS} The tables have the same figures.`}
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={up}
        onPointerLeave={() => {
          setHover(null);
          setTip(null);
        }}
        onKeyDown={key}
      />
      <p class="spoken" aria-live="polite">
        {current ? [`${shown(current.name)}, ${shown(model.zones[current.zone]?.name ?? "")}`, ...about(model, current)].join(", ") : ""}
      </p>
      <div class="zooms">
        <button type="button" aria-label="Nearer" title="Nearer (+)" onClick={() => moved(zoom(now(), 1.4, centre(), plan, view))}>
          <Glyph name="plus" />
        </button>
        <button type="button" aria-label="Farther" title="Farther (-)" onClick={() => moved(zoom(now(), 1 / 1.4, centre(), plan, view))}>
          <Glyph name="minus" />
        </button>
        <button type="button" aria-label="All of it" title="All of it (0)" onClick={() => moved(fit(plan, view))}>
          <Glyph name="fit" />
        </button>
      </div>
      {tip && (
        <div class="tip" style={{ left: `${Math.min(tip.x + 14, view.width - 230)}px`, top: `${tip.y + 16}px` }}>
          {tip.lines.map((line, index) => (
            <div key={index}>{line}</div>
          ))}
        </div>
      )}
    </div>
  );
}

/** A node in words. */
function about(model: MapModel, node: MapModel["nodes"][number]): string[] {
  const share = localShare(node);
  const traffic = share === null ? "no traffic" : `${percent(share)} of ${rate(node.within + node.beyond)} stays here`;
  const heaviest = (node.groups ?? []).slice(0, 4).map((group) => `${shown(model.applications[group.application] || "no application")} × ${group.pods}`);
  const more = (node.groups?.length ?? 0) - heaviest.length;
  return [traffic, counted(node.pods, "pod"), ...heaviest, ...(more > 0 ? [`and ${counted(more, "application")} more`] : [])];
}

/** The curves in the card of the opened node, the thinnest first: they are drawn above the others. */
function inCards({ opened }: Emphasis, camera: Camera): Drawn<PodFlow>[] {
  const card = CARD.width * camera.scale;
  if (!opened || card < WITH_DOTS) return [];
  return [...(card >= WITH_TEXT ? opened.within.named : opened.within.grid)].reverse();
}

const FAR = { node: "within the node", zone: "within the zone", zones: "across zones", regions: "across regions" };

/** A curve in words. */
function exchanged(model: MapModel, curve: Curve | PodFlow): string[] {
  const ends = [curve.from, curve.to].map((node) => shown(model.nodes[node]?.name ?? ""));
  const figure = `${rate(curve.bytes)} ${FAR[curve.distance]}`;
  if (!("applications" in curve)) return [ends.join(" ↔ "), figure];
  return [curve.applications.map(shown).join(" ↔ "), [...new Set(ends)].join(" ↔ "), figure];
}

function inside(box: Box, point: { x: number; y: number }): boolean {
  return point.x >= box.x && point.x <= box.x + box.width && point.y >= box.y && point.y <= box.y + box.height;
}

function beside(box: Box, point: { x: number; y: number }): boolean {
  return inside({ x: box.x - 8, y: box.y - 8, width: box.width + 16, height: box.height + 16 }, point);
}

function onCurve(context: CanvasRenderingContext2D, path: Path2D, point: { x: number; y: number }, camera: Camera): boolean {
  context.save();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.lineWidth = 8 / camera.scale;
  const found = context.isPointInStroke(path, point.x, point.y);
  context.restore();
  return found;
}

function nodeAt(model: MapModel, plan: Layout, point: { x: number; y: number }): number | null {
  for (const [index, zone] of model.zones.entries()) {
    const box = plan.zones[index];
    if (!box || !inside(box, point)) continue;
    const found = zone.nodes.find((node) => plan.nodes[node] && inside(plan.nodes[node], point));
    if (found !== undefined) return found;
  }
  return null;
}

/** The nearest node in a direction; one aside counts as twice as far. */
function neighbour(plan: Layout, from: number, [right, down]: [number, number]): number | null {
  const here = plan.nodes[from];
  let best: { index: number; far: number } | null = null;
  if (!here) return null;
  for (const [index, box] of plan.nodes.entries()) {
    const [x, y] = [box.x - here.x, box.y - here.y];
    const along = x * right + y * down;
    if (index === from || along <= 0) continue;
    const far = along + 2 * Math.abs(x * down + y * right);
    if (!best || far < best.far) best = { index, far };
  }
  return best?.index ?? null;
}

/** Most nodes whose pods are asked for at once. */
const NEAR = 64;

function visible(model: MapModel, plan: Layout, camera: Camera, view: { width: number; height: number }): string[] {
  if (CARD.width * camera.scale < WITH_DOTS) return [];
  const window = { x: camera.x, y: camera.y, width: view.width / camera.scale, height: view.height / camera.scale };
  const found = model.nodes.filter((_, index) => {
    const box = plan.nodes[index];
    return box && inside(window, { x: box.x + box.width / 2, y: box.y + box.height / 2 });
  });
  return found.length <= NEAR ? found.map((node) => node.name) : [];
}
