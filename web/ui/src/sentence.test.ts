import { describe, expect, it } from "vitest";
import { money, price, span, watts } from "./format";
import { sentence } from "./sentence";
import { type Home, merge, type State } from "./state";

const tariff = { version: "t", currency: "EUR", retail: 300000, feed_in: 60000 };

function home(meter: number | undefined, contract: Partial<Home["contract"]> = {}): Home {
  return {
    id: "home-01",
    metering_point: "mp",
    account: "ac",
    devices: [{ id: "m", kind: "meter", online: meter !== undefined, power: meter }],
    contract: { bought: 0, sold: 0, paid: 0, received: 0, ...contract },
    today: { net: 0, retail_only: 0, intervals: 0 },
  };
}

describe("sentence", () => {
  it("sells to neighbours at the contracted price", () => {
    expect(sentence(home(-900, { sold: 250, received: 46000 }), tariff, 15)).toBe("Selling 900 W to neighbours at 18.40 ct/kWh");
  });
  it("gives the rest to the grid", () => {
    expect(sentence(home(-1500), tariff, 15)).toBe("Giving 1.50 kW to the grid at 6.00 ct/kWh");
    expect(sentence(home(-2530, { sold: 45, received: 4410 }), tariff, 15)).toBe(
      "Selling 180 W to neighbours at 9.80 ct/kWh, giving 2.35 kW to the grid at 6.00 ct/kWh",
    );
  });
  it("buys", () => {
    expect(sentence(home(420, { bought: 105, paid: 21000 }), tariff, 15)).toBe("Buying 420 W from neighbours at 20.00 ct/kWh");
    expect(sentence(home(420), tariff, 15)).toBe("Taking 420 W from the grid at 30.00 ct/kWh");
  });
  it("does not invent a number for a silent meter", () => {
    expect(sentence(home(undefined), tariff, 15)).toContain("not known");
  });
});

describe("format", () => {
  it("has units and no minus", () => {
    expect([watts(-999), watts(1000), price(184000), money(-12345, "EUR"), money(1234567, "EUR")]).toEqual([
      "999 W", "1.00 kW", "18.40 ct/kWh", "1.23 ct", "1.23 EUR",
    ]);
  });
  it("shows the end of an interval over midnight", () => {
    expect(span({ start: "2026-06-01T23:45:00Z", minutes: 15 })).toBe("23:45–00:00");
  });
});

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
