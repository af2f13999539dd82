import type { ComponentChildren } from "preact";
import { onRow } from "./row";
import { Wide } from "./wide";

/** Column is what one column shows of each row. */
export interface Column<Row> {
  title?: string;
  number?: boolean;
  /** prose is text of any length: it is broken, while other cells keep to one line. */
  prose?: boolean;
  /** of is the quantity that the cell shows; the greatest of the column decides the unit of them all. */
  of?: (row: Row) => number;
  cell: (row: Row, greatest: number) => ComponentChildren;
}

interface Props<Row> {
  id?: string;
  caption?: ComponentChildren;
  columns: Column<Row>[];
  rows: Row[];
  keyOf: (row: Row) => string | number;
  mark?: (row: Row) => string | undefined; // class of a row that stands out
  /** open is what a click anywhere on a row does: what a button in it does for keys. */
  open?: (row: Row) => void;
  /** narrow is what becomes of it where there is little room: it scrolls, or each row stands by itself. */
  narrow?: "scroll" | "cards";
  /** class of the box around it. */
  class?: string;
}

/** Table shows rows; without any title it has no head. */
export function Table<Row>({ id, caption, columns, rows, keyOf, mark, open, narrow = "scroll", class: more = "" }: Props<Row>) {
  const greatest = columns.map((c) => (c.of ? Math.max(0, ...rows.map((row) => Math.abs(c.of?.(row) ?? 0))) : 0));
  return (
    <Wide class={`${narrow === "cards" ? "stack" : ""} ${more}`}>
      <table id={id}>
        {caption && <caption>{caption}</caption>}
        {columns.some((c) => c.title) && (
          <thead>
            <tr>
              {columns.map((c) => (c.title ? <th class={align(c)}>{c.title}</th> : <td />))}
            </tr>
          </thead>
        )}
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} class={[mark?.(row), open && "opens"].filter(Boolean).join(" ") || undefined} onClick={open && onRow(() => open(row))}>
              {columns.map((c, k) => (
                <td class={align(c)} data-title={c.title}>{c.cell(row, greatest[k] ?? 0)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function align(c: { number?: boolean; prose?: boolean }): string | undefined {
  if (c.number) return "number";
  return c.prose ? "prose" : undefined;
}
