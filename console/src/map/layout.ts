// Where everything is, in units of the map: a node is a card, the cards of a zone are a grid, zones fill a grid of their own.

import type { MapModel } from "./model";

export interface Point {
  x: number;
  y: number;
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Layout {
  nodes: Box[];
  zones: Box[];
  width: number;
  height: number;
}

/** A card: a line of text, rows of dots, a line of text. */
export const CARD = { width: 148, height: 104 };
const GAP = 26;
const ZONE_GAP = 54;
/** Inside a zone, around its cards; above them is its name. */
const PADDING = 18;
const HEADING = 30;
/** Around everything. */
const MARGIN = 16;

function grid(count: number, columns: number): { width: number; height: number } {
  const rows = Math.max(1, Math.ceil(count / columns));
  return {
    width: columns * CARD.width + (columns - 1) * GAP + 2 * PADDING,
    height: rows * CARD.height + (rows - 1) * GAP + PADDING + HEADING,
  };
}

/** Columns of cards in a zone and of zones beside one another that fill a view of this shape best. */
export function layout(model: MapModel, view: { width: number; height: number }): Layout {
  const counts = model.zones.map((zone) => zone.nodes.length);
  const most = Math.max(1, ...counts);
  let best: { scale: number; columns: number; across: number } | undefined;
  const steps = Math.min(most, 2 * Math.ceil(Math.sqrt(most)) + 8);
  for (let columns = 1; columns <= steps; columns += 1) {
    for (let across = 1; across <= Math.max(1, counts.length); across += 1) {
      const size = total(counts, columns, across);
      const scale = Math.min(view.width / size.width, view.height / size.height);
      if (!best || scale > best.scale * 1.001) best = { scale, columns, across };
    }
  }
  return place(model, best?.columns ?? 1, best?.across ?? 1);
}

function total(counts: number[], columns: number, across: number): { width: number; height: number } {
  const most = Math.max(1, ...counts);
  const width = grid(1, Math.min(columns, most)).width;
  let height = 2 * MARGIN - ZONE_GAP;
  for (let row = 0; row < counts.length; row += across) {
    height += Math.max(...counts.slice(row, row + across).map((count) => grid(count, columns).height)) + ZONE_GAP;
  }
  const zones = Math.min(across, Math.max(1, counts.length));
  return { width: zones * width + (zones - 1) * ZONE_GAP + 2 * MARGIN, height: Math.max(height, grid(1, 1).height) };
}

function place(model: MapModel, columns: number, across: number): Layout {
  const nodes: Box[] = model.nodes.map(() => ({ x: 0, y: 0, ...CARD }));
  const zones: Box[] = [];
  const counts = model.zones.map((zone) => zone.nodes.length);
  const width = grid(1, Math.min(columns, Math.max(1, ...counts))).width;
  let y = MARGIN;
  for (let row = 0; row < model.zones.length; row += across) {
    const inRow = model.zones.slice(row, row + across);
    const height = Math.max(...inRow.map((zone) => grid(zone.nodes.length, columns).height));
    inRow.forEach((zone, index) => {
      const x = MARGIN + index * (width + ZONE_GAP);
      zones.push({ x, y, width, height });
      zone.nodes.forEach((node, position) => {
        nodes[node] = {
          x: x + PADDING + (position % columns) * (CARD.width + GAP),
          y: y + HEADING + Math.floor(position / columns) * (CARD.height + GAP),
          ...CARD,
        };
      });
    });
    y += height + ZONE_GAP;
  }
  return { nodes, zones, ...total(counts, columns, across) };
}
