import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useSpeech } from "./speech";

interface Props {
  class?: string;
  /** at is where the box is known to who moves it. */
  at?: RefObject<HTMLDivElement | null>;
  onScroll?: (top: number) => void;
  onKeyDown?: (e: KeyboardEvent) => void;
  children: ComponentChildren;
}

/** Wide holds what may be wider than the page: it scrolls, by the keyboard as well, and says so where there is more than is seen. */
export function Wide({ class: more = "", at, onScroll, onKeyDown, children }: Props) {
  const { shared } = useSpeech();
  const own = useRef<HTMLDivElement | null>(null);
  const box = at ?? own;
  const [over, goesOver] = useState(false);
  useEffect(() => {
    const at = box.current;
    if (!at) return;
    const watch = new ResizeObserver(() => goesOver(at.scrollWidth > at.clientWidth + 1));
    watch.observe(at);
    if (at.firstElementChild) watch.observe(at.firstElementChild);
    return () => watch.disconnect();
  }, []);
  return (
    <>
      {over && <p class="hint scrolls">{shared.scrolls} <span aria-hidden="true">→</span></p>}
      <div class={`wide ${more}`} ref={box} tabIndex={over ? 0 : undefined} onScroll={onScroll && ((e) => onScroll(e.currentTarget.scrollTop))} onKeyDown={onKeyDown}>
        {children}
      </div>
    </>
  );
}
