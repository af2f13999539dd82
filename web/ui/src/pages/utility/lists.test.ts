import { describe, expect, it } from "vitest";
import { type Api, Failed } from "../../ui/api";
import { type Auction, bounds, Certificates, fits } from "./certificates";
import { Disputes } from "./disputes";
import { words as en } from "./words/en";
import { words as de } from "./words/de";

type Calls = Pick<Api, "call">;

/** asks answers a store, and notes what it was asked. */
function asks(asked: unknown[], answer: (path: string, ask: unknown) => unknown): Calls {
  const call = async (_: string, path: string, ask: { query?: unknown }) => {
    asked.push(ask.query);
    return answer(path, ask);
  };
  return { call } as unknown as Calls;
}

const auction: Auction = { interval: { start: "2026-06-01T12:00:00Z", minutes: 15 }, gate: "2026-06-01T11:55:00Z", price: 22, volume: 100, bids: 1, offers: 1, full: [] };
const at = { fee: 0, committed: 0, flow: 0 };
const record = {
  interval: auction.interval, gate: auction.gate, merged: false, summed: false,
  nodes: [{ ...at, node: "root", price: 22 }],
  steps: [{ node: "root", side: "bid" as const, price: 30, energy: 100, filled: 100 }, { node: "root", side: "offer" as const, price: 22, energy: 150, filled: 100 }],
};

describe("the auctions of a time", () => {
  it("are those of a day by the site's clocks, also where it has 23 hours", () => {
    expect(bounds("", "14:00", "Europe/Vienna", 15)).toEqual({});
    expect(bounds("2026-06-01", "", "Europe/Vienna", 15)).toEqual({ from: "2026-05-31T22:00:00.000Z", to: "2026-06-01T22:00:00.000Z" });
    expect(bounds("2026-03-29", "", "Europe/Vienna", 15)).toEqual({ from: "2026-03-28T23:00:00.000Z", to: "2026-03-29T22:00:00.000Z" });
  });

  it("are with a time of day the one interval that has it", () => {
    const within = (time: string, start: string) => {
      const { from = "", to = "" } = bounds("2026-06-01", time, "Europe/Vienna", 15);
      return Date.parse(from) <= Date.parse(start) && Date.parse(start) < Date.parse(to);
    };
    const starts = ["2026-06-01T11:45:00Z", "2026-06-01T12:00:00Z", "2026-06-01T12:15:00Z"];
    expect(starts.map((s) => within("14:00", s))).toEqual([false, true, false]);
    expect(starts.map((s) => within("14:14", s))).toEqual([false, true, false]);
    expect(starts.map((s) => within("14:15", s))).toEqual([false, false, true]);
  });
});

describe("a certificate", () => {
  it("holds when the record proves itself and says what the list says", async () => {
    const certificates = new Certificates(asks([], () => record));
    await certificates.open(auction);
    expect([certificates.opened.value?.verdict.wrong, certificates.checked.value.get(auction.interval.start)]).toEqual([[], true]);
  });

  it("does not when an order is served otherwise than its price says", async () => {
    const certificates = new Certificates(asks([], () => ({ ...record, steps: record.steps.map((s) => ({ ...s, filled: 90 })) })));
    await certificates.open({ ...auction, volume: 90 });
    expect(certificates.checked.value.get(auction.interval.start)).toBe(false);
    expect(certificates.opened.value?.verdict.wrong.map((w) => w.condition)).toContain("filled");
  });

  it("does not when the list says another price or volume", async () => {
    const certificates = new Certificates(asks([], () => record));
    await certificates.open({ ...auction, price: 21 });
    expect(certificates.checked.value.get(auction.interval.start)).toBe(false);
    expect([fits(auction, record), fits({ ...auction, volume: 99 }, record)]).toEqual([true, false]);
    expect(fits({ ...auction, volume: 0, price: undefined }, { ...record, steps: [] })).toBe(true);
  });

  it("is not shown when it does not come", async () => {
    let away = false;
    const certificates = new Certificates(asks([], () => (away ? Promise.reject(new Failed("404 gone", 404)) : record)));
    await certificates.open(auction);
    away = true;
    await certificates.open(auction);
    expect([certificates.opened.value, certificates.failed.value]).toEqual([null, "404 gone"]);
  });
});

describe("a list", () => {
  it("is searched from its first page, and turned", async () => {
    const asked: unknown[] = [];
    const certificates = new Certificates(asks(asked, () => ({ total: 60, rows: [auction] })));
    await certificates.page(24);
    await certificates.search("2026-06-01", "", "UTC");
    await certificates.page(24);
    const within = { from: "2026-06-01T00:00:00.000Z", to: "2026-06-02T00:00:00.000Z" };
    expect(asked).toEqual([{ skip: 24, limit: 24 }, { ...within, skip: undefined, limit: 24 }, { ...within, skip: 24, limit: 24 }]);
    expect([certificates.skip.value, certificates.csv]).toEqual([24, `/api/v1/intervals?from=2026-06-01T00%3A00%3A00.000Z&to=2026-06-02T00%3A00%3A00.000Z&format=csv`]);
    expect(certificates.at.value).toBeGreaterThan(0);
  });

  it("of disputes asks for what is not empty alone", async () => {
    const asked: unknown[] = [];
    const disputes = new Disputes(asks(asked, () => ({ total: 0, rows: [] })));
    await disputes.search({ q: " ann oven ", kind: "objection", state: "" });
    expect(asked).toEqual([{ q: "ann oven", kind: "objection", skip: undefined, limit: 25 }]);
    expect(disputes.csv).toBe("/api/v1/disputes?q=ann+oven&kind=objection&format=csv");
  });

  it.each([Disputes, Certificates])("drops what comes late of an earlier question, and keeps what it had when one fails", async (List) => {
    const waiting: ((list: unknown) => void)[] = [];
    const list = new List(asks([], () => new Promise((done) => waiting.push(done))));
    const away = () => Promise.reject(new Failed("503 away", 503));
    const [early, failed, late] = [list.page(0), list.page(50), list.page(25)];
    waiting[2]?.({ total: 2, rows: [] });
    await late;
    waiting[0]?.({ total: 1, rows: [] });
    waiting[1]?.(away());
    await Promise.all([early, failed]);
    expect([list.list.value?.total, list.skip.value, list.failed.value]).toEqual([2, 25, ""]);
    const failing = list.page(50);
    waiting[3]?.(away());
    await failing;
    expect([list.list.value?.total, list.skip.value, list.failed.value]).toEqual([2, 25, "503 away"]);
  });
});

it("a run is said with what it did, in both languages", () => {
  expect([en.disputes.run(1, true, 1, "1 EUR"), en.disputes.run(2, false, 3, "1 EUR"), en.disputes.run(2, true, 3, "1 EUR")]).toEqual([
    "Run 1 has values in the place of readings: 1 posting of 1 EUR together.",
    "Run 2 took the place of those before: 3 postings of 1 EUR together.",
    "Run 2 took the place of those before, and has values in the place of readings: 3 postings of 1 EUR together.",
  ]);
  expect(de.disputes.run(2, true, 3, "1 EUR")).toBe("Lauf 2 trat an die Stelle der früheren und hat Werte an Stelle von Messungen: 3 Buchungen über zusammen 1 EUR.");
});
