// Why there is no traffic to draw, and where to read on.

import type { Missing as Reason } from "../api/types";
import { shown } from "../format";

export function Missing({ missing }: { missing: Reason }) {
  return (
    <section class="missing" role="status">
      <h2>No traffic to show</h2>
      <p>{shown(missing.says)}</p>
      {missing.doctor != null && (
        <p class="dim">
          The line <b>{shown(missing.doctor)}</b> of <code>netmarks doctor</code> says what to do.
        </p>
      )}
    </section>
  );
}
