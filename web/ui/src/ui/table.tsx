import type { ComponentChildren } from "preact";

/** Column is what one column shows of each row. */
export interface Column<Row> {
  title?: string;
  number?: boolean;
  cell: (row: Row) => ComponentChildren;
}

interface Props<Row> {
  id?: string;
  caption?: ComponentChildren;
  columns: Column<Row>[];
  rows: Row[];
  keyOf: (row: Row) => string | number;
  mark?: (row: Row) => string | undefined; // class of a row that stands out
}

/** Table shows rows; without any title it has no head. */
export function Table<Row>({ id, caption, columns, rows, keyOf, mark }: Props<Row>) {
  return (
    <table id={id}>
      {caption && <caption>{caption}</caption>}
      {columns.some((c) => c.title) && (
        <thead>
          <tr>
            {columns.map((c) => (
              <th class={align(c)}>{c.title}</th>
            ))}
          </tr>
        </thead>
      )}
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)} class={mark?.(row)}>
            {columns.map((c) => (
              <td class={align(c)} data-title={c.title}>{c.cell(row)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function align(c: { number?: boolean }): string | undefined {
  return c.number ? "number" : undefined;
}
