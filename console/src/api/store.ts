// A value that views follow.

import { useEffect, useState } from "preact/hooks";

export interface Store<T> {
  get: () => T;
  set: (value: T) => void;
  /** The value, and its next ones for as long as the view is there. */
  use: () => T;
}

export function store<T>(value: T): Store<T> {
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set: (next) => {
      value = next;
      for (const listener of listeners) listener();
    },
    use: () => {
      const [, redraw] = useState(0);
      useEffect(() => {
        const changed = () => redraw((times) => times + 1);
        listeners.add(changed);
        return () => void listeners.delete(changed);
      }, []);
      return value;
    },
  };
}
