// Whose turn it is to hold a stream. Over HTTP/1.1 a browser makes at most six connections to a server, for all its tabs and windows
// together, and a stream keeps one of them. So one page holds a stream at a time, and only while somebody looks at it.

/** The lock that the page with the stream has. */
const LOCK = "netmarks-stream";

/** Runs `hold` whenever this page is looked at and its turn has come, until `stop`. The signal that `hold` gets ends the turn. */
export function inTurn(hold: (signal: AbortSignal) => Promise<void>, stop: AbortSignal): void {
  // Browsers have locks only for pages that came by TLS or from the same machine. A page without them gets no turn: it cannot know how
  // many others there are.
  const locks = navigator.locks as LockManager | undefined;
  let turn: AbortController | undefined;
  const look = () => {
    if (stop.aborted || document.visibilityState === "hidden") {
      turn?.abort();
      turn = undefined;
    } else if (!turn) {
      turn = new AbortController();
      const { signal } = turn;
      // A page that is hidden while it waits leaves the queue, which is not a failure.
      locks?.request(LOCK, { signal }, () => hold(signal)).catch(() => undefined);
    }
  };
  document.addEventListener("visibilitychange", look, { signal: stop });
  stop.addEventListener("abort", look, { once: true });
  look();
}
