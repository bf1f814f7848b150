// The style sheet's colours, as the canvas needs them.

import type { Distance } from "./model";

export interface Theme {
  paper: string;
  card: string;
  ink: string;
  dim: string;
  line: string;
  accent: string;
  distances: Record<Distance, string>;
  applications: string[];
  /** From no byte that stays to all of them. */
  shares: string[];
  quiet: string;
  font: string;
}

/** Steps of the scale from nothing to all. */
export const SHARES = 10;

export function theme(element: Element): Theme {
  const style = getComputedStyle(element);
  const value = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const [low, high] = [channels(value("share-low")), channels(value("share-high"))];
  return {
    paper: value("paper"),
    card: value("card"),
    ink: value("ink"),
    dim: value("dim"),
    line: value("line"),
    accent: value("accent"),
    distances: { node: value("node"), zone: value("zone"), zones: value("zones"), regions: value("zones") },
    applications: Array.from({ length: 11 }, (_, index) => value(`app-${index}`)),
    shares: Array.from({ length: SHARES }, (_, step) => mixed(low, high, step / (SHARES - 1))),
    quiet: value("line"),
    font: style.fontFamily,
  };
}

/** Of `#rrggbb`. */
function channels(colour: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) || 0);
}

function mixed(low: number[], high: number[], share: number): string {
  return `rgb(${low.map((channel, index) => Math.round(channel + ((high[index] ?? 0) - channel) * share)).join(" ")})`;
}
