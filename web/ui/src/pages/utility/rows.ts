// Which rows of a long table are seen, and where keys lead.

/** spare is how many rows beside those that are seen are in the page. */
const spare = 8;

/** seen are the rows from first on and before last that are in the page, where it was scrolled so far; all in pixels. */
export function seen(scrolled: number, height: number, row: number, total: number): { first: number; last: number } {
  const top = Math.min(Math.floor(scrolled / row), total);
  return { first: Math.max(0, top - spare), last: Math.min(total, top + Math.ceil(height / row) + spare) };
}

/** moved is the row to which a key leads from another, undefined where it leads nowhere; page is how many rows are seen. */
export function moved(key: string, from: number, page: number, total: number): number | undefined {
  const by: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -total, End: total };
  const step = by[key];
  return step === undefined ? undefined : Math.max(0, Math.min(total - 1, from + step));
}
