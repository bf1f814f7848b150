// A small line of figures over time; the newest stands beside it.

interface Props {
  values: number[];
  label: string;
  width?: number;
  height?: number;
  /** What the top stands for; by default the largest value. */
  top?: number;
}

export function Sparkline({ values, label, width = 120, height = 24, top }: Props) {
  if (values.length < 2) return <span class="dim">too few yet</span>;
  const most = top ?? Math.max(...values, Number.MIN_VALUE);
  const points = values.map((value, index) => {
    const x = (index / (values.length - 1)) * (width - 4) + 2;
    return `${x.toFixed(1)},${(height - 2 - (Math.min(value, most) / most) * (height - 4)).toFixed(1)}`;
  });
  const last = points.at(-1)?.split(",");
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label}>
      <polygon points={`2,${height - 1} ${points.join(" ")} ${width - 2},${height - 1}`} />
      <polyline points={points.join(" ")} />
      {last && <circle cx={last[0]} cy={last[1]} r="2" />}
    </svg>
  );
}
