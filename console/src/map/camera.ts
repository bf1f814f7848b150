// What part of the map is in view: pure arithmetic.

import type { Box } from "./layout";

export interface Camera {
  /** The upper left corner of the view, in units of the map. */
  x: number;
  y: number;
  /** Pixels per unit. */
  scale: number;
}

export interface View {
  width: number;
  height: number;
}

const CLOSEST = 1.75;

/** All of it, in the middle; small maps are not blown up. */
export function fit(map: View, view: View): Camera {
  const scale = Math.min(1.25, view.width / map.width, view.height / map.height);
  return { scale, x: (map.width - view.width / scale) / 2, y: (map.height - view.height / scale) / 2 };
}

/** Nearer or farther by a factor; the point of the view stays where it is. */
export function zoom(camera: Camera, factor: number, at: { x: number; y: number }, map: View, view: View): Camera {
  const least = fit(map, view).scale * 0.6;
  const scale = Math.min(CLOSEST, Math.max(least, camera.scale * factor));
  return { scale, x: camera.x + at.x / camera.scale - at.x / scale, y: camera.y + at.y / camera.scale - at.y / scale };
}

/** Moved by pixels of the screen, but never so far that nothing of the map is left in view. */
export function pan(camera: Camera, x: number, y: number, map: View, view: View): Camera {
  const [wide, tall] = [view.width / camera.scale, view.height / camera.scale];
  const within = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));
  return {
    scale: camera.scale,
    x: within(camera.x - x / camera.scale, -wide * 0.8, map.width - wide * 0.2),
    y: within(camera.y - y / camera.scale, -tall * 0.8, map.height - tall * 0.2),
  };
}

/** So that a box is in view, as little moved as possible. */
export function reveal(camera: Camera, box: Box, view: View): Camera {
  const [wide, tall] = [view.width / camera.scale, view.height / camera.scale];
  let { x, y } = camera;
  if (box.x < x) x = box.x - 20;
  if (box.x + box.width > x + wide) x = box.x + box.width - wide + 20;
  if (box.y < y) y = box.y - 20;
  if (box.y + box.height > y + tall) y = box.y + box.height - tall + 20;
  return { ...camera, x, y };
}

/** The units of the map under a point of the view. */
export function under(camera: Camera, x: number, y: number): { x: number; y: number } {
  return { x: camera.x + x / camera.scale, y: camera.y + y / camera.scale };
}
