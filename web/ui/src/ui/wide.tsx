import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useSpeech } from "./speech";

/** Wide holds what may be wider than the page: it scrolls, by the keyboard as well, and says so where there is more than is seen. */
export function Wide({ class: more = "", children }: { class?: string; children: ComponentChildren }) {
  const { shared } = useSpeech();
  const box = useRef<HTMLDivElement>(null);
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
      <div class={`wide ${more}`} ref={box} tabIndex={over ? 0 : undefined}>
        {children}
      </div>
    </>
  );
}
