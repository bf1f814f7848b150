// Draws the map. From afar a node is a cell in the colour of its local share, nearer it has its pods as dots, near it has its name.

import { counted, percent, rate, short, shown } from "../format";
import type { Camera } from "./camera";
import { type Band, type Drawn, gate, width } from "./curves";
import { DOTS, dots, type Groups, LINE, named, WITH_DOTS, WITH_TEXT } from "./dots";
import { type Box, CARD, type Layout } from "./layout";
import { COLOURS, localShare, type MapModel, type MapNode } from "./model";
import type { Opened } from "./opened";
import { SHARES, type Theme } from "./theme";

/** Of more nodes than this, curves that carry less than this share of the bytes are not drawn from afar. */
const MANY = 200;
const HAZE = 0.25;

/** What stands out. */
export interface Emphasis {
  node: number | null;
  hover: number | null;
  /** An application's place in the model, and the nodes on which it runs. */
  application: number | null;
  nodes: Set<number> | null;
  curves: Drawn[] | null;
  /** Where the curves are those of an opened node, how they reach its pods. */
  opened: Opened | null;
}

export interface Scene {
  model: MapModel;
  layout: Layout;
  bands: Band[];
  emphasis: Emphasis;
  camera: Camera;
  theme: Theme;
  view: { width: number; height: number };
  pixels: number;
}

export function draw(context: CanvasRenderingContext2D, scene: Scene): void {
  const { camera, view, pixels, theme } = scene;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = theme.paper;
  context.fillRect(0, 0, view.width * pixels, view.height * pixels);
  const scale = camera.scale * pixels;
  context.setTransform(scale, 0, 0, scale, -camera.x * scale, -camera.y * scale);
  const card = CARD.width * camera.scale;
  zones(context, scene);
  if (card < WITH_DOTS) cells(context, scene);
  else cards(context, scene, card >= WITH_TEXT);
  curves(context, scene, card < WITH_DOTS);
  if (card >= WITH_DOTS) branches(context, scene, card >= WITH_TEXT);
  if (card >= WITH_TEXT) texts(context, scene);
  outlines(context, scene);
  zoneNames(context, scene);
}

function inView({ camera, view }: Scene, box: Box): boolean {
  return (
    box.x < camera.x + view.width / camera.scale &&
    box.x + box.width > camera.x &&
    box.y < camera.y + view.height / camera.scale &&
    box.y + box.height > camera.y
  );
}

function zones(context: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, theme, camera } = scene;
  context.strokeStyle = theme.line;
  context.lineWidth = 1 / camera.scale;
  context.beginPath();
  for (const box of layout.zones) context.roundRect(box.x, box.y, box.width, box.height, 10);
  context.stroke();
}

/** The class of a node's colour: its local share in steps, or that it has no traffic. */
function shade(node: MapNode): number {
  const share = localShare(node);
  return share === null ? SHARES : Math.min(SHARES - 1, Math.floor(share * SHARES));
}

function cells(context: CanvasRenderingContext2D, scene: Scene): void {
  const { model, layout, theme, emphasis, camera } = scene;
  const gap = Math.min(0, 10 - 2 / camera.scale);
  const paths = Array.from({ length: SHARES + 1 }, () => [] as Box[]);
  model.nodes.forEach((node, index) => {
    const box = layout.nodes[index];
    if (box && inView(scene, box)) paths[shade(node)]?.push(box);
  });
  context.globalAlpha = emphasis.nodes ? 0.35 : 1;
  paths.forEach((boxes, step) => {
    context.fillStyle = theme.shares[step] ?? theme.quiet;
    context.beginPath();
    for (const box of boxes) context.rect(box.x - 8 - gap, box.y - 8 - gap, box.width + 16 + 2 * gap, box.height + 16 + 2 * gap);
    context.fill();
  });
  context.globalAlpha = 1;
  if (emphasis.nodes) {
    context.fillStyle = theme.accent;
    context.beginPath();
    for (const index of emphasis.nodes) {
      const box = layout.nodes[index];
      if (box) context.rect(box.x - 8, box.y - 8, box.width + 16, box.height + 16);
    }
    context.fill();
  }
}

function cards(context: CanvasRenderingContext2D, scene: Scene, withText: boolean): void {
  const { model, layout, theme, camera } = scene;
  context.lineWidth = 1 / camera.scale;
  const visible = model.nodes.flatMap((node, index) => {
    const box = layout.nodes[index];
    return box && inView(scene, box) ? [{ node, box }] : [];
  });
  context.fillStyle = theme.card;
  context.strokeStyle = theme.line;
  context.beginPath();
  for (const { box } of visible) context.roundRect(box.x, box.y, box.width, box.height, 7);
  context.fill();
  context.stroke();
  for (const { node, box } of visible) {
    shareBar(context, theme, node, box, withText);
    if (node.groups) pods(context, scene, node.groups, box, withText);
  }
}

/** A thin line at the foot of a card: how much of its traffic stays. */
function shareBar(context: CanvasRenderingContext2D, theme: Theme, node: MapNode, box: Box, withText: boolean): void {
  const share = localShare(node);
  if (share === null) return;
  const [x, thick] = [box.x + 10, withText ? 3 : 8];
  const [y, length] = [box.y + box.height - thick - 6, box.width - 20];
  context.fillStyle = theme.line;
  context.fillRect(x, y, length, thick);
  context.fillStyle = theme.shares[SHARES - 1] ?? theme.accent;
  context.fillRect(x, y, length * share, thick);
}

function faded({ emphasis }: Scene, application: number): boolean {
  return emphasis.application !== null && emphasis.application !== application;
}

function colourOf({ model, theme }: Scene, application: number): string | undefined {
  return theme.applications[model.colours[application] ?? COLOURS];
}

function pods(context: CanvasRenderingContext2D, scene: Scene, groups: Groups, box: Box, withText: boolean): void {
  for (const { application, at, radius } of dots(box, groups, withText)) {
    context.globalAlpha = faded(scene, application) ? 0.16 : 1;
    context.fillStyle = colourOf(scene, application) ?? scene.theme.dim;
    context.beginPath();
    for (const { x, y } of at) {
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, 2 * Math.PI);
    }
    context.fill();
  }
  context.globalAlpha = 1;
}

function stroke(context: CanvasRenderingContext2D, { theme, camera }: Scene, { path, distance, step }: Band, alpha: number): void {
  context.globalAlpha = alpha;
  context.strokeStyle = theme.distances[distance];
  context.lineWidth = width(step) / camera.scale;
  context.stroke(path);
}

/** A curve inside a card, no wider there than the card allows; its rim tells it from those that it crosses. */
function rimmed(context: CanvasRenderingContext2D, { theme, camera }: Scene, { path, curve, step }: Drawn): void {
  const thick = width(step) / Math.max(1, camera.scale);
  context.strokeStyle = theme.card;
  context.lineWidth = thick + 1.5 / camera.scale;
  context.stroke(path);
  context.strokeStyle = theme.distances[curve.distance];
  context.lineWidth = thick;
  context.stroke(path);
}

/** In the cards of an opened node and of those that it talks to, from the curves to the dots, which stay above them. */
function branches(context: CanvasRenderingContext2D, scene: Scene, withText: boolean): void {
  const { emphasis, model, layout } = scene;
  if (!emphasis.opened) return;
  const { nodes, branches, within } = emphasis.opened;
  for (const branch of withText ? branches.named : branches.grid) stroke(context, scene, branch, 0.8);
  context.globalAlpha = 1;
  for (const curve of withText ? within.named : within.grid) rimmed(context, scene, curve);
  for (const index of nodes) {
    const [groups, box] = [model.nodes[index]?.groups, layout.nodes[index]];
    if (groups && box) pods(context, scene, groups, box, withText);
  }
}

function curves(context: CanvasRenderingContext2D, scene: Scene, fromAfar: boolean): void {
  const { bands, emphasis } = scene;
  context.lineCap = "round";
  const faded = emphasis.curves !== null;
  const { carried, nodes } = scene.model;
  // A few of very many curves would be a haze that says nothing: from afar the zones' are drawn instead.
  const haze = nodes.length > MANY && carried < HAZE;
  const alpha = faded ? 0.06 : haze ? (fromAfar ? 0 : 0.16) : fromAfar ? 0.3 : 0.62;
  if (alpha > 0) for (const band of bands) stroke(context, scene, band, alpha);
  for (const { path, curve, step } of emphasis.curves ?? []) stroke(context, scene, { path, distance: curve.distance, step }, 0.9);
  context.globalAlpha = 1;
  if (fromAfar && !faded) betweenZones(context, scene);
}

/** From afar, what the zones exchange. */
function betweenZones(context: CanvasRenderingContext2D, scene: Scene): void {
  const { model, layout, theme, camera } = scene;
  const most = Math.max(1, ...model.zoneCurves.map((curve) => curve.bytes));
  context.strokeStyle = theme.distances.zones;
  context.globalAlpha = 0.75;
  for (const { from, to, bytes } of model.zoneCurves.slice(0, 60)) {
    const [one, other] = [layout.zones[from], layout.zones[to]];
    if (!one || !other) continue;
    const meet = gate(layout, from, to);
    context.lineWidth = (2 + 10 * Math.sqrt(bytes / most)) / camera.scale;
    context.beginPath();
    context.moveTo(one.x + one.width / 2, one.y + one.height / 2);
    context.quadraticCurveTo(meet.x, meet.y, other.x + other.width / 2, other.y + other.height / 2);
    context.stroke();
  }
  context.globalAlpha = 1;
}

function texts(context: CanvasRenderingContext2D, scene: Scene): void {
  const { model, layout, theme } = scene;
  context.textBaseline = "alphabetic";
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = theme.card;
  model.nodes.forEach((node, index) => {
    const box = layout.nodes[index];
    if (!box || !inView(scene, box)) return;
    context.font = `600 12px ${theme.font}`;
    context.fillStyle = theme.ink;
    // Curves that end in a card pass behind what is written there.
    const ground = scene.emphasis.opened?.nodes.includes(index) === true;
    const write = (text: string, x: number, y: number) => {
      if (ground) context.strokeText(text, x, y);
      context.fillText(text, x, y);
    };
    write(fitted(context, shown(node.name), box.width - 20, shown(node.part)), box.x + 10, box.y + 18);
    context.font = `11px ${theme.font}`;
    context.fillStyle = theme.dim;
    if (node.groups && named(node.groups, true)) names(context, scene, node.groups, box, write);
    const share = localShare(node);
    const pods = node.closed ? "closed" : counted(node.pods, "pod");
    const stays = share === null ? ["no traffic"] : [`${percent(share)} stays here`, `${percent(share)} stays`, percent(share)];
    const room = box.width - 22 - context.measureText(pods).width;
    const foot = stays.find((text) => context.measureText(text).width <= room) ?? "";
    write(foot, box.x + 10, box.y + box.height - 14);
    context.textAlign = "right";
    write(pods, box.x + box.width - 10, box.y + box.height - 14);
    context.textAlign = "left";
  });
}

function names(context: CanvasRenderingContext2D, scene: Scene, groups: Groups, box: Box, write: (text: string, x: number, y: number) => void): void {
  groups.forEach((group, row) => {
    const x = box.x + 14 + Math.min(group.pods, DOTS) * 10;
    const more = group.pods > DOTS ? `×${group.pods} ` : "";
    const name = more + (shown(short(scene.model.applications[group.application] ?? "")) || "no application");
    context.globalAlpha = faded(scene, group.application) ? 0.4 : 1;
    write(fitted(context, name, box.x + box.width - 10 - x), x, box.y + 36 + row * LINE);
  });
  context.globalAlpha = 1;
}

/** A name; where it does not fit, the part of it that no other shares, or its beginning and its end. */
function fitted(context: CanvasRenderingContext2D, whole: string, width: number, part = whole): string {
  const fits = [whole, `…${part}`, part].find((text) => context.measureText(text).width <= width);
  if (fits !== undefined && part !== "") return fits;
  const text = whole;
  let kept = Math.min(text.length - 1, 40);
  for (; kept > 4; kept -= 1) {
    const cut = `${text.slice(0, Math.ceil(kept * 0.4))}…${text.slice(text.length - Math.floor(kept * 0.6))}`;
    if (context.measureText(cut).width <= width) return cut;
  }
  return "…";
}

function outlines(context: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, theme, camera, emphasis } = scene;
  for (const [index, thick] of [
    [emphasis.hover, 1.5],
    [emphasis.node, 2.5],
  ] as const) {
    const box = index === null ? undefined : layout.nodes[index];
    if (!box) continue;
    context.strokeStyle = theme.accent;
    context.lineWidth = thick / camera.scale;
    context.beginPath();
    context.roundRect(box.x - 2 / camera.scale, box.y - 2 / camera.scale, box.width + 4 / camera.scale, box.height + 4 / camera.scale, 7);
    context.stroke();
  }
}

/** Always of the same size on the screen. */
function zoneNames(context: CanvasRenderingContext2D, scene: Scene): void {
  const { model, layout, theme, camera, pixels, view } = scene;
  context.setTransform(pixels, 0, 0, pixels, 0, 0);
  context.textBaseline = "alphabetic";
  model.zones.forEach((zone, index) => {
    const box = layout.zones[index];
    if (!box || !inView(scene, box)) return;
    const x = (box.x - camera.x) * camera.scale;
    const y = (box.y - camera.y) * camera.scale;
    const room = Math.min(box.width * camera.scale, view.width - x) - 16;
    if (room < 40) return;
    const share = localShare(zone);
    context.font = `600 12px ${theme.font}`;
    const name = fitted(context, shown(zone.name), room);
    const figures = share === null ? "" : `${percent(share)} stays on nodes, ${rate(zone.beyond)} does not`;
    const named = context.measureText(name).width;
    context.font = `12px ${theme.font}`;
    const wide = named + 10 + context.measureText(figures).width <= room && figures !== "";
    const base = Math.max(y + Math.max(15, Math.min(20, 20 * camera.scale)), 18);
    context.globalAlpha = 0.88;
    context.fillStyle = theme.paper;
    context.fillRect(x + 6, base - 13, 6 + (wide ? named + 10 + context.measureText(figures).width : named), 18);
    context.globalAlpha = 1;
    context.font = `600 12px ${theme.font}`;
    context.fillStyle = theme.ink;
    context.fillText(name, x + 10, base);
    if (!wide) return;
    context.font = `12px ${theme.font}`;
    context.fillStyle = theme.dim;
    context.fillText(figures, x + 10 + named + 10, base);
  });
}
