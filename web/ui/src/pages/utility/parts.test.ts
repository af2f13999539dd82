import { describe, expect, it } from "vitest";
import { type Api, Failed } from "../../ui/api";
import { places } from "./feeder";
import { Finder, type Found, type Row } from "./finder";
import { check, holds } from "./prover";
import { moved, seen } from "./rows";
import { whole } from "./sums";
import { compare, continued, Trust } from "./trust";
import vectors from "./vectors.json";

const row = (leaf: number): Row => ({ leaf, block: 1, tx: "t", interval: "2026-06-01T12:00:00Z/15", posting: { id: "x", debit: "a", credit: "b", amount: 1, energy: 1, reason: "trade", reference: "" } });

/** asks answers a finder, and notes what it was asked. */
function asks(total: number, asked: unknown[], fail?: () => boolean): Pick<Api, "call"> {
  const call = (_: string, path: string, ask: { query: { q: string; skip?: number; size?: number; limit: number } }) => {
    if (fail?.()) return Promise.reject(new Failed("503 away", 503));
    if (path.endsWith("totals")) return Promise.resolve({ words: [], currency: "EUR", zone: "UTC", by: "day", rows: [] });
    const { skip = 0, limit } = ask.query;
    asked.push([ask.query.q, skip, ask.query.size]);
    const rows = Array.from({ length: Math.max(0, Math.min(limit, total - skip)) }, (_, k) => row(total - 1 - skip - k));
    return Promise.resolve({ words: [], state: "found", size: total, total, rows, blocks: 1, height: 1 } satisfies Found);
  };
  return { call } as unknown as Pick<Api, "call">;
}

describe("a search", () => {
  it("has the rows that are looked at, each asked for once, of the log as it was", async () => {
    const asked: unknown[] = [];
    const finder = new Finder(asks(10_250, asked));
    await finder.search(" ann ");
    await finder.need(40, 60);
    await finder.need(9_990, 10_010);
    await finder.need(9_990, 10_010);
    await finder.need(10_240, 99_999);
    expect(asked).toEqual([["ann", 0, undefined], ["ann", 9_900, 10_250], ["ann", 10_000, 10_250], ["ann", 10_200, 10_250]]);
    expect([finder.rows.value.get(0)?.leaf, finder.rows.value.get(10_000)?.leaf, finder.rows.value.get(10_249)?.leaf, finder.rows.value.size]).toEqual([10_249, 249, 0, 350]);
    expect(finder.csv).toBe("/api/v1/ledger/postings.csv?q=ann");
  });

  it("says that it failed, and asks again for what did not come", async () => {
    const asked: unknown[] = [];
    let away = false;
    const finder = new Finder(asks(500, asked, () => away));
    await finder.search("");
    away = true;
    await finder.need(200, 210);
    expect(finder.failed.value).toBe("503 away");
    away = false;
    await finder.need(200, 210);
    expect(finder.rows.value.get(200)?.leaf).toBe(299);
  });

  it("drops what comes late of an earlier one", async () => {
    const waiting: ((f: Found) => void)[] = [];
    const call = (_: string, path: string) => (path.endsWith("totals") ? Promise.resolve(null) : new Promise((done) => waiting.push(done as (f: Found) => void)));
    const finder = new Finder({ call } as unknown as Pick<Api, "call">);
    const [early, late] = [finder.search("a"), finder.search("b")];
    const answer = (total: number): Found => ({ words: [], state: "found", size: 1, total, rows: [], blocks: 1, height: 1 });
    waiting[1]?.(answer(2));
    waiting[0]?.(answer(1));
    await Promise.all([early, late]);
    expect([finder.found.value?.total, finder.text.value, finder.busy.value]).toEqual([2, "b", false]);
  });
});

describe("a proof", () => {
  const text = vectors.leaves[4] ?? "";
  const posting = JSON.parse(text) as Row["posting"];
  const of = { ...row(4), posting };
  const path = vectors.inclusion.find((v) => v.size === 19 && v.leaf === 4)?.path ?? [];
  const given = { leaf: 4, text, path, size: 19, checkpoint: vectors.checkpoint, key: vectors.key };

  it("holds, and no more once something is another", async () => {
    expect(holds(await check(of, given, ""))).toBe(true);
    expect((await check(of, given, vectors.key)).own).toBe(true);
    expect(await check(of, given, vectors.key.replace(/.$/, "A"))).toMatchObject({ signed: "no", included: true });
    expect(await check({ ...of, posting: { ...posting, reason: "deposit" } }, given, "")).toMatchObject({ same: false, included: true });
    expect(await check(of, { ...given, leaf: 5 }, "")).toMatchObject({ included: false });
    expect(await check(of, { ...given, text: text.replace("trade", "trada") }, "")).toMatchObject({ same: false, included: false });
    expect(holds(await check(of, { ...given, size: 18 }, ""))).toBe(false);
  });
});

describe("two checkpoints", () => {
  it("are compared, and what was rewritten is found", async () => {
    const given = { checkpoint: vectors.checkpoint, key: vectors.key, postings: [], records: [] };
    expect(continued(await compare(vectors.checkpoint, given, ""))).toBe(true);
    const other = vectors.checkpoint.replace("\n19\n", "\n18\n");
    expect(await compare(other, given, "")).toMatchObject({ postings: false, records: true, olderSigned: "no", newerSigned: "yes" });
  });

  it("are kept only where they can be read", () => {
    const kept: Record<string, string> = {};
    const trust = new Trust({ call: () => Promise.reject(new Error("x")) } as unknown as Pick<Api, "call">, { getItem: (n) => kept[n] ?? null, setItem: (n, v) => void (kept[n] = v) });
    expect([trust.keep("hello"), trust.kept.value, trust.failed.value]).toEqual([false, "", "not a signed checkpoint"]);
    expect([trust.keep(vectors.checkpoint), kept["auditor-checkpoint"], trust.failed.value]).toEqual([true, vectors.checkpoint, ""]);
  });
});

describe("a long table", () => {
  it("has the rows that are seen in the page, and a few beside them", () => {
    expect(seen(0, 440, 44, 10_000)).toEqual({ first: 0, last: 18 });
    expect(seen(44 * 5000, 440, 44, 10_000)).toEqual({ first: 4992, last: 5018 });
    expect(seen(44 * 9990, 440, 44, 10_000)).toEqual({ first: 9982, last: 10_000 });
    expect(seen(0, 440, 44, 3)).toEqual({ first: 0, last: 3 });
  });

  it("is gone through by keys, and not beyond its ends", () => {
    expect(["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End", "x"].map((key) => moved(key, 5, 10, 12))).toEqual([6, 4, 11, 0, 0, 11, undefined]);
  });
});

it("the feeder's lines have direction, limit and loading", () => {
  const at = { fee: 0, committed: 0, flow: 0 };
  const nodes = [{ ...at, node: "root" }, { ...at, node: "b", parent: "root", flow: -30, committed: 5, import_limit: 100 }, { ...at, node: "c", parent: "b", flow: 40, export_limit: 40 }, { ...at, node: "a", parent: "root", export_limit: 9, import_limit: 0 }];
  expect(places(nodes).map((p) => [p.node, p.depth, p.flow, p.out, p.limit, p.loading])).toEqual([
    ["root", 0, 0, false, undefined, undefined],
    ["b", 1, 25, false, 100, 250],
    ["c", 2, 40, true, 40, 1000],
    ["a", 1, 0, false, 9, 0],
  ]);
});

it("totals are summed up", () => {
  const one = { period: "2026-06", reason: "trade", postings: 2, amount: 10, energy: -3, received: 4, paid: 6 };
  expect(whole([one, { ...one, energy: 5 }])).toEqual({ period: "", reason: "", postings: 4, amount: 20, energy: 2, received: 8, paid: 12 });
});
