// The few signs on buttons, as lines of 16 by 16.

const PATHS = {
  plus: "M8 3.5v9M3.5 8h9",
  minus: "M3.5 8h9",
  fit: "M6 3H3v3M10 3h3v3M6 13H3v-3M10 13h3v-3",
  close: "M4 4l8 8M12 4l-8 8",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3L14 14",
  upload: "M8 11V3M4.8 6L8 3l3.2 3M3 13h10",
  back: "M10 3L5 8l5 5",
  live: "M8 8h.01M4.5 11.5a5 5 0 0 1 0-7M11.5 4.5a5 5 0 0 1 0 7",
  check: "M3.5 8.5l3 3 6-7",
  differ: "M3 6h10M3 10h10M10 3L6 13",
} as const;

export function Glyph({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg class="glyph" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
