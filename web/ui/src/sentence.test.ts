import { describe, expect, it } from "vitest";
import { challenge, expectation, sentence } from "./sentence";
import { type Home, merge, type State } from "./state";

const tariff = { version: "t", currency: "EUR", retail: 300000, feed_in: 60000 };

function home(meter: number | undefined, contract: Partial<Home["contract"]> = {}): Home {
  return {
    id: "home-01",
    metering_point: "mp",
    account: "ac",
    devices: [{ id: "m", kind: "meter", online: meter !== undefined, power: meter }],
    contract: { bought: 0, sold: 0, paid: 0, received: 0, ...contract },
    today: { net: 0, retail_only: 0, without: 0, without_estimated: false, intervals: 0, estimated: 0 },
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
  it("says what neighbours may still share after delivery", () => {
    const pooled = { ...tariff, pool: 180000 };
    expect(sentence(home(-1500), pooled, 15)).toBe("Giving 1.50 kW: what neighbours need of it at 18.00 ct/kWh, the rest to the grid at 6.00 ct/kWh");
    expect(sentence(home(420), pooled, 15)).toBe("Taking 420 W: what neighbours have over at 18.00 ct/kWh, the rest from the grid at 30.00 ct/kWh");
    expect(sentence(home(-2530, { sold: 45, received: 4410 }), pooled, 15)).toBe(
      "Selling 180 W to neighbours at 9.80 ct/kWh, giving 2.35 kW more: what neighbours need of it at 18.00 ct/kWh, the rest to the grid at 6.00 ct/kWh",
    );
    expect(sentence(home(300, { sold: 100, received: 18400 }), pooled, 15)).toBe(
      "Sold 400 W to neighbours for this quarter of an hour, but taking 300 W right now: what neighbours have over at 18.00 ct/kWh, the rest from the grid at 30.00 ct/kWh",
    );
    const expecting = { ...home(-1500), expected: { energy: -300, money: 18000 } };
    expect(expectation(expecting, pooled, 15)).toBe("This quarter of an hour should earn at least about 2 ct: 300 Wh to the grid at 6.00 ct/kWh, unless neighbours take it at 18.00 ct/kWh");
  });
  it("buys", () => {
    expect(sentence(home(420, { bought: 105, paid: 21000 }), tariff, 15)).toBe("Buying 420 W from neighbours at 20.00 ct/kWh");
    expect(sentence(home(420), tariff, 15)).toBe("Taking 420 W from the grid at 30.00 ct/kWh");
  });
  it("says when something else flows than was traded", () => {
    expect(sentence(home(300, { sold: 100, received: 18400 }), tariff, 15)).toBe(
      "Sold 400 W to neighbours for this quarter of an hour, but taking 300 W from the grid right now at 30.00 ct/kWh",
    );
    expect(sentence(home(-200, { bought: 420, paid: 84000 }), tariff, 60)).toBe(
      "Bought 420 W from neighbours for this hour, but giving 200 W to the grid right now at 6.00 ct/kWh",
    );
    expect(sentence(home(0, { bought: 105, paid: 21000 }), tariff, 15)).toBe(
      "Bought 420 W from neighbours for this quarter of an hour, but nothing flows in or out right now",
    );
  });
  it("says what was traded and does not flow", () => {
    expect(sentence(home(300, { bought: 105, paid: 21000 }), tariff, 15)).toBe("Buying 300 W from neighbours at 20.00 ct/kWh; 120 W more was bought than is used right now");
    expect(sentence(home(-300, { sold: 105, received: 10500 }), tariff, 15)).toBe("Selling 300 W to neighbours at 10.00 ct/kWh; 120 W more was sold than is given right now");
  });
  it("takes what was sold off what was bought", () => {
    expect(sentence(home(-900, { sold: 350, received: 64400, bought: 100, paid: 20000 }), tariff, 15)).toBe("Selling 900 W to neighbours at 18.40 ct/kWh");
  });
  it("is of the moment that is drawn", () => {
    expect(sentence({ ...home(420), flow: { time: "", meter: 400, home: 400 } }, tariff, 15)).toBe("Taking 400 W from the grid at 30.00 ct/kWh");
  });
  it("does not invent a number for a silent meter", () => {
    expect(sentence(home(undefined), tariff, 15)).toContain("not known");
  });
});

describe("expectation", () => {
  const expecting = (energy: number, money: number, contract = {}) => expectation({ ...home(0, contract), expected: { energy, money } }, tariff, 15);
  it("is silent when the home has not said", () => expect(expectation(home(0), tariff, 15)).toBe(""));
  it("says what the trades leave over", () => {
    expect(expecting(-500, 46000, { sold: 400, received: 40000 })).toBe("This quarter of an hour should earn about 5 ct: as traded, and 100 Wh to the grid at 6.00 ct/kWh");
    expect(expecting(105, -21000, { bought: 105, paid: 21000 })).toBe("This quarter of an hour should cost about 2 ct: as traded");
    expect(expecting(10, -3000)).toBe("This quarter of an hour should cost less than 1 ct: 10 Wh from the grid at 30.00 ct/kWh");
  });
});

describe("challenge", () => {
  const asked = { direction: "discharge" as const, power: 1300, until: "2026-06-01T14:05:00Z", tokens: 83 };
  it("says what the battery does and gets", () => {
    expect(challenge({ ...asked, cost: 9000 }, "EUR")).toBe(
      "The battery answers a storage challenge until 14:05: it gives 1.30 kW more than it did. It earned 83 tokens for its last closed day; challenges cost about 1 ct today.",
    );
    expect(challenge({ ...asked, direction: "charge" }, "EUR")).toBe(
      "The battery answers a storage challenge until 14:05: it takes 1.30 kW more than it did. It earned 83 tokens for its last closed day.",
    );
    expect(challenge({ ...asked, cost: -2_000_000 }, "HUF")).toContain("challenges brought about 2 HUF today");
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
