// A click anywhere on a row does what its button does: who points need not hit it.

/** own are elements that do something themselves. */
const own = "a, button, input, select, textarea, label, summary";

/** onRow does something on a click on a row, but not on one that is for what stands in it, or that ends the choosing of text. */
export function onRow(open: () => void): (e: MouseEvent) => void {
  return (e) => {
    const at = e.target as Element | null;
    if (at?.closest(own) || String(getSelection() ?? "") !== "") return;
    open();
  };
}
