import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** Wide holds a table that may be wider than the page: it scrolls, by the keyboard as well where there is more than is seen. */
export function Wide({ class: more = "", children }: { class?: string; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const at = box.current;
    if (!at) return;
    const watch = new ResizeObserver(() => (at.scrollWidth > at.clientWidth ? at.setAttribute("tabindex", "0") : at.removeAttribute("tabindex")));
    watch.observe(at);
    if (at.firstElementChild) watch.observe(at.firstElementChild);
    return () => watch.disconnect();
  }, []);
  return (
    <div class={`wide ${more}`} ref={box}>
      {children}
    </div>
  );
}
