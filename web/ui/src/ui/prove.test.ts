import { describe, expect, it } from "vitest";
import { prove, type Record } from "./prove";

/**
 * record is two places below a root. 100 Wh go from a to b over the line of a, which can carry no more: the price is 10 at a and
 * 22 beyond, of which 2 are the line's fee and 10 what its being full costs.
 */
function record(): Record {
  return {
    interval: { start: "2026-06-01T12:00:00Z", minutes: 15 },
    gate: "2026-06-01T11:55:00Z",
    merged: false,
    summed: false,
    nodes: [
      { node: "root", fee: 0, committed: 0, flow: 0, price: 22 },
      { node: "a", parent: "root", fee: 2, export_limit: 100, committed: 0, flow: 100, price: 10 },
      { node: "b", parent: "root", fee: 0, committed: 0, flow: -100, price: 22 },
    ],
    steps: [
      { node: "a", side: "offer", price: 10, energy: 150, filled: 100 },
      { node: "a", side: "offer", price: 12, energy: 80, filled: 0 },
      { node: "b", side: "bid", price: 30, energy: 60, filled: 60 },
      { node: "b", side: "bid", price: 22, energy: 90, filled: 40 },
      { node: "b", side: "bid", price: 15, energy: 90, filled: 0 },
    ],
  };
}

describe("a record", () => {
  it("proves that nothing better could have been traded", () => {
    const v = prove(record());
    expect(v.wrong).toEqual([]);
    // By hand: 60·30 + 40·22 − 100·10 − 2·100 = 1480 = 60·(30−22) + 100·(22−10−2).
    expect([v.gains, v.bound]).toEqual([1480n, 1480n]);
  });
  it.each<[string, (r: Record) => void, string]>([
    ["energy from nowhere", (r) => void (r.steps[0]!.filled = 90), "balance"],
    ["a line beyond its limit", (r) => void (r.nodes[1]!.export_limit = 99), "limits"],
    ["a bid passed over that was worth more", (r) => void ((r.steps[2]!.filled = 10), (r.steps[3]!.filled = 90)), "filled"],
    ["an offer filled above its price", (r) => void ((r.steps[0]!.filled = 20), (r.steps[1]!.filled = 80)), "filled"],
    ["a price that a line that is not full holds apart", (r) => void (r.nodes[1]!.export_limit = 200), "price"],
    ["flow for less than the fee", (r) => void (r.nodes[1]!.fee = 20), "price"],
    ["a root that sends", (r) => void (r.nodes[0]!.flow = 5), "line"],
    ["a node without a price that trades", (r) => void delete r.nodes[2]!.price, "price"],
    ["more filled than there was", (r) => void (r.steps[2]!.energy = 50), "filled"],
  ])("does not with %s", (_, change, condition) => {
    const r = record();
    change(r);
    expect(prove(r).wrong.map((w) => w.condition)).toContain(condition);
  });
  it("counts what went over the lines before", () => {
    const r = record();
    Object.assign(r.nodes[1]!, { committed: 30, flow: 70 });
    Object.assign(r.nodes[2]!, { committed: -30, flow: -70 });
    Object.assign(r.steps[0]!, { filled: 70 });
    Object.assign(r.steps[3]!, { filled: 10 });
    expect(prove(r).wrong).toEqual([]);
  });
});
