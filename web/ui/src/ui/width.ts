import { useEffect, useRef, useState } from "preact/hooks";

/** unit is how many units of a drawing one rem has: those of a font of the usual size. */
const unit = 16;

/** rems is a length of a drawing for its svg element, which thereby grows with the letters that readers choose. */
export function rems(units: number): string {
  return `${units / unit}rem`;
}

/** rem is how many pixels one is, which readers may choose. */
export function rem(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || unit;
}

/** useWidth is how wide an element is, in the units of a drawing; 0 until that is known. */
export function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, set] = useState(0);
  useEffect(() => {
    const at = box.current;
    if (!at) return;
    const watch = new ResizeObserver(() => set((at.clientWidth * unit) / rem()));
    watch.observe(at);
    return () => watch.disconnect();
  }, []);
  return [box, width] as const;
}
