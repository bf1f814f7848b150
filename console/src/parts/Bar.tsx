// A share of something as a bar.

export function Bar({ share, kind = "accent", label }: { share: number; kind?: "accent" | "node" | "quiet"; label?: string }) {
  const width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return (
    <span class={`bar ${kind}`} {...(label ? { role: "img", "aria-label": label } : { "aria-hidden": true })}>
      <i style={{ width }} />
    </span>
  );
}
