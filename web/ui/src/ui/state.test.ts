import { describe, expect, it } from "vitest";
import { home, tariff } from "./example";
import { merge, type State } from "./state";

describe("merge", () => {
  const trade = (seq: number) => ({ seq, interval: { start: "2026-06-01T10:00:00Z", minutes: 15 }, buyer: "a", seller: "b", energy: 1, price: 1 });
  const state = {
    community: "demo", tariff, homes: [home(1), { ...home(2), id: "home-02" }], trades: [trade(1)], intervals: [],
    status: { trades_total: 1 },
  } as unknown as State;
  it("replaces homes by id and puts new trades first, once", () => {
    const after = merge(state, { status: state.status, homes: [{ ...home(7), id: "home-02" }], trades: [trade(1), trade(2), trade(3)] });
    expect(after.trades.map((t) => t.seq)).toEqual([3, 2, 1]);
    expect(after.homes.map((h) => h.devices[0]?.power)).toEqual([1, 7]);
    expect(state.trades).toHaveLength(1);
    const grown = merge(after, { status: state.status, homes: [{ ...home(9), id: "home-03" }] });
    expect(grown.homes.map((h) => h.id)).toEqual(["home-01", "home-02", "home-03"]);
  });
});
