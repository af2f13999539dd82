import { useEffect, useRef, useState } from "preact/hooks";

/** useWidth is how wide an element is, in pixels; 0 until that is known. */
export function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, set] = useState(0);
  useEffect(() => {
    const at = box.current;
    if (!at) return;
    const watch = new ResizeObserver(() => set(at.clientWidth));
    watch.observe(at);
    return () => watch.disconnect();
  }, []);
  return [box, width] as const;
}
