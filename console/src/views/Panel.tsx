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
  const panel = useRef<HTMLElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const opener = useRef<Element | null>(null);
  // Who opened it with the keyboard goes on reading here, and after it where it was opened.
  useEffect(() => {
    if (!close) return;
    if (!panel.current?.contains(document.activeElement)) opener.current = document.activeElement;
    heading.current?.focus({ preventScroll: true });
  }, [kind, title]);
  useEffect(() => {
    const element = panel.current;
    return () => {
      // It may be out of the page by now, and nothing has the focus then.
      const active = document.activeElement;
      const lost = !active || active === document.body || element?.contains(active);
      if (lost && opener.current instanceof HTMLElement) opener.current.focus({ preventScroll: true });
    };
  }, []);
  return (
    <section ref={panel} class="panel" aria-label={`${kind} ${shown(title)}`} onKeyDown={(event) => event.key === "Escape" && close?.()}>
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
