import { describe, expect, it } from "vitest";
import type { Api } from "../../ui/api";
import { counted, type Import as MemberImport, Members, millionths } from "./members";
import { held } from "./members_page";
import { energyTable, imported, moneyTable, ready, sum, Values, type Import, type Reconciliation } from "./values";
import { verdict } from "./values_page";
import { english } from "./example";
import { Work } from "./work";

const seen = (of: Partial<Import> = {}): Import => ({ applied: false, already: false, corrects: true, format: "csv", values: 2, new: 1, changed: 0, same: 1, points: [], changes: [], problems: [], notes: [], ...of });

describe("official values", () => {
  it("imports the file that was looked at", async () => {
    const asked: [string, object | undefined, FormData?][] = [];
    const call = (method: string, path: string, ask: { query?: object; body?: FormData }) => {
      asked.push([`${method} ${path}`, ask.query, ask.body]);
      return Promise.resolve(method === "get" ? { files: [], waiting: 2 } : seen({ applied: asked.length > 1 }));
    };
    const work = new Work();
    const values = new Values({ call } as unknown as Api, work, () => english);
    await values.look({ file: new File(["a"], "may.csv"), mapping: new File(["b"], "map.yaml") });
    expect([ready(values.seen.value), work.done.value]).toEqual([true, ""]);
    await values.apply();
    expect([ready(values.seen.value), work.done.value]).toEqual([false, "may.csv is imported: 1 new values, 0 changed, 1 the same. What they change is settled again."]);
    expect(asked.map(([what, query]) => [what, query])).toEqual([
      ["post /api/v1/values", { apply: false, format: undefined }],
      ["post /api/v1/values", { apply: true, format: undefined }],
      ["get /api/v1/values", undefined],
    ]);
    expect(asked.slice(0, 2).map(([, , form]) => [(form?.get("file") as File).name, (form?.get("mapping") as File).name])).toEqual([["may.csv", "map.yaml"], ["may.csv", "map.yaml"]]);
  });
  it("does not offer to import what does not fit, or was imported", () => {
    const bad = seen({ problems: [{ line: 8, field: "out", text: "no number" }] });
    expect([bad, seen({ already: true }), seen({ applied: true }), seen()].map((s) => [ready(s), verdict(s, english)])).toEqual([
      [false, "it cannot be imported, nothing was changed"],
      [false, "it was imported before, nothing changes"],
      [false, "it is imported"],
      [true, "it can be imported"],
    ]);
    expect(imported("x", seen({ corrects: false }), english)).toContain("this community bills by its signed values");
  });
  it("writes both tables as CSV, and sums them", () => {
    const r = {
      currency: "EUR",
      energy: [{ point: "mp", interval: "i", signed_import: 1, official_import: 2, signed_export: 3, official_export: 4, signed_quality: "good", quality: "official-1", reason: "clocks differ: a, b" }],
      money: [{ member: "ann", signed: -10, official: -12, difference: -2 }, { member: "bob", signed: 5, official: 5, difference: 0 }],
    } as unknown as Reconciliation;
    expect(energyTable(r).split("\r\n")[1]).toBe('mp,i,1,2,3,4,good,official-1,"clocks differ: a, b"');
    expect(moneyTable(r)).toBe("member,signed_millionths_EUR,official,difference\r\nann,-10,-12,-2\r\nbob,5,5,0\r\n");
    expect(sum(r.money, "difference")).toBe(-2);
  });
});

describe("members", () => {
  it("counts what becomes of the rows of a list", () => {
    const rows = ["new", "new", "changed"].map((outcome, line) => ({ line, outcome })) as MemberImport["rows"];
    expect(counted({ applied: false, rows, problems: [] }, english)).toBe("2 new, 1 changed, 0 unchanged");
  });
  it("takes amounts to the last unit, and nothing that is none", () => {
    expect([millionths("12.5", 2), millionths(" 0,01 ", 2), millionths("7", 0)]).toEqual([12_500_000, 10_000, 7_000_000]);
    expect(["0", "-3", "1.234", "1e3", "", "1,000.00"].map((t) => millionths(t, 2))).toEqual(Array(6).fill(undefined));
    expect(millionths("0.57", 2)).toBe(570_000); // 0.57 * 1e6 is 569999.9999999999
  });
  it("says balances in words", () => {
    const b = { number: "ann", currency: "EUR", balance: -35_700_000, prepaid: true, free: -1 };
    expect([held(b, 2, english), held({ ...b, balance: 5e6, free: 4e6 }, 2, english), held({ ...b, prepaid: false }, 2, english), held(undefined, 2, english)]).toEqual([
      "owes 35.70 EUR, prepaid: nothing free", "has 5.00 EUR, prepaid: 4.00 EUR free", "owes 35.70 EUR", "–",
    ]);
  });
  it("asks for the balance of whom a device names", async () => {
    const asked: unknown[] = [];
    const call = (_: string, _path: string, ask: { at?: { number: string } }) => {
      asked.push(ask.at?.number);
      return Promise.resolve({ number: ask.at?.number, balance: 1 });
    };
    const members = new Members({ call } as unknown as Api, new Work(), () => english);
    members.persons.value = [{ number: "ann", points: 1 }, { number: "ghost", points: 0 }];
    await members.balance();
    expect([asked, [...members.balances.value.keys()]]).toEqual([["ann"], ["ann"]]);
  });
});
