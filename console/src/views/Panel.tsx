// What is selected, beside the picture.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { shown } from "../format";
import { Glyph } from "../parts/Glyph";

interface Props {
  kind: string;
  title: string;
  under?: string;
  close?: () => void;
  children: ComponentChildren;
}

export function Panel({ kind, title, under, close, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  // Who opened it with the keyboard goes on reading here.
  useEffect(() => {
    if (close) heading.current?.focus({ preventScroll: true });
  }, [kind, title]);
  return (
    <section class="panel" aria-label={`${kind} ${shown(title)}`} onKeyDown={(event) => event.key === "Escape" && close?.()}>
      <header>
        <p class="kind">{kind}</p>
        <h2 ref={heading} tabIndex={-1}>
          {shown(title)}
        </h2>
        {under && <p class="dim">{under}</p>}
        {close && (
          <button type="button" class="close" aria-label="Close" onClick={close}>
            <Glyph name="close" />
          </button>
        )}
      </header>
      {children}
    </section>
  );
}
