import type { ComponentChild, VNode } from "preact";
import { afterEach, describe, expect, it, vi } from "vitest";
import { onRow } from "./row";
import { type Column, Table } from "./table";

interface Row {
  id: string;
  energy: number;
  price: number;
}

const rows: Row[] = [{ id: "a", energy: 40, price: 3 }, { id: "b", energy: -1500, price: 2 }, { id: "c", energy: 7, price: 1 }];

type Node = VNode<{ children?: ComponentChild; onClick?: (e: unknown) => void; class?: string }>;

/** parts are the elements of a kind in what a table renders. */
function parts(of: unknown, type: string): Node[] {
  if (Array.isArray(of)) return of.flatMap((x) => parts(x, type));
  if (!of || typeof of !== "object" || !("props" in of)) return [];
  const node = of as Node;
  return [...(node.type === type ? [node] : []), ...parts(node.props.children, type)];
}

/** texts are what the cells say, row by row. */
const texts = (table: unknown) => parts(parts(table, "tbody"), "tr").map((row) => parts(row, "td").map((cell) => cell.props.children));

describe("a table", () => {
  it("tells each cell of a column the greatest of it, whatever its sign, and the columns nothing of each other", () => {
    const columns: Column<Row>[] = [
      { title: "id", cell: (r, greatest) => `${r.id} ${greatest}` },
      { title: "energy", of: (r) => r.energy, cell: (r, greatest) => `${r.energy} of ${greatest}` },
      { title: "price", of: (r) => r.price, cell: (r, greatest) => `${r.price} of ${greatest}` },
    ];
    expect(texts(Table({ columns, rows, keyOf: (r) => r.id }))).toEqual([
      ["a 0", "40 of 1500", "3 of 3"],
      ["b 0", "-1500 of 1500", "2 of 3"],
      ["c 0", "7 of 1500", "1 of 3"],
    ]);
    expect(texts(Table({ columns, rows: [], keyOf: (r) => r.id }))).toEqual([]);
  });

  it("opens a row wherever it is clicked, and marks the rows that stand out", () => {
    const open = vi.fn();
    const all = parts(parts(Table({ columns: [{ cell: (r: Row) => r.id }], rows, keyOf: (r) => r.id, open, mark: (r) => (r.id === "b" ? "own" : undefined) }), "tbody"), "tr");
    vi.stubGlobal("getSelection", () => "");
    all[1]?.props.onClick?.({ target: { closest: () => null } });
    expect(open.mock.calls).toEqual([[rows[1]]]);
    expect(all.map((row) => row.props.class)).toEqual(["opens", "own opens", "opens"]);
    const [still] = parts(parts(Table({ columns: [{ cell: (r: Row) => r.id }], rows, keyOf: (r) => r.id }), "tbody"), "tr");
    expect([still?.props.onClick, still?.props.class]).toEqual([undefined, undefined]);
  });
});

describe("a click on a row", () => {
  afterEach(() => vi.unstubAllGlobals());
  const clicked = (inside: boolean, selected: string) => {
    vi.stubGlobal("getSelection", () => selected);
    const open = vi.fn();
    onRow(open)({ target: { closest: () => (inside ? {} : null) } } as unknown as MouseEvent);
    return open.mock.calls.length;
  };
  it("opens it", () => expect(clicked(false, "")).toBe(1));
  it("is not for it where something in it is clicked", () => expect(clicked(true, "")).toBe(0));
  it("is none that ends the choosing of text", () => expect(clicked(false, "1.50 EUR")).toBe(0));
});
