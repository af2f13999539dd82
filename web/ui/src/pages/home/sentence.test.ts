import { describe, expect, it } from "vitest";
import { home, tariff } from "../../ui/example";
import type { Home } from "../../ui/state";
import { english, german, inEnglish } from "./example";
import { power } from "./home";
import { challenge, expectation, own, prices, sentence } from "./sentence";

/** said is a headline, and what stands below it. */
const said = (...of: Parameters<typeof sentence>) => {
  const { head, more } = sentence(...of);
  return more === "" ? [head] : [head, more];
};
const en = (h: Home, minutes = 15) => said(h, tariff, minutes, english);
const pooled = (...of: Parameters<typeof home>) => ({ ...home(...of), pool: 180000 });

describe("sentence", () => {
  it("sells to neighbours at the contracted price", () => {
    expect(en(home(-900, { sold: 250, received: 46000 }))).toEqual(["Selling 900 W to neighbours at 18.40 ct/kWh"]);
  });
  it("gives the rest to the grid", () => {
    expect(en(home(-1500))).toEqual(["Giving 1.50 kW to the grid at 6.00 ct/kWh"]);
    expect(en(home(-2530, { sold: 45, received: 4410 }))).toEqual(["Selling 180 W to neighbours at 9.80 ct/kWh", "Giving 2.35 kW more to the grid at 6.00 ct/kWh."]);
  });
  it("says what neighbours may still share after delivery", () => {
    expect(en(pooled(-1500))).toEqual(["Giving 1.50 kW", "What neighbours need of it at 18.00 ct/kWh, the rest to the grid at 6.00 ct/kWh."]);
    expect(en(pooled(420))).toEqual(["Taking 420 W", "What neighbours have over at 18.00 ct/kWh, the rest from the grid at 30.00 ct/kWh."]);
    expect(en(pooled(-2530, { sold: 45, received: 4410 }))).toEqual([
      "Selling 180 W to neighbours at 9.80 ct/kWh",
      "Giving 2.35 kW more: what neighbours need of it at 18.00 ct/kWh, the rest to the grid at 6.00 ct/kWh.",
    ]);
    expect(en(pooled(300, { sold: 100, received: 18400 }))).toEqual([
      "Taking 300 W",
      "What neighbours have over at 18.00 ct/kWh, the rest from the grid at 30.00 ct/kWh; 400 W were sold to neighbours for this quarter of an hour.",
    ]);
    const expecting = { ...pooled(-1500), expected: { energy: -300, money: 18000, short: 0, over: 300 } };
    expect(expectation(expecting, tariff, 15, english)).toBe(
      "Forecast for this quarter of an hour: about 2 ct earned, with 300 Wh to the grid at 6.00 ct/kWh, or to neighbours who need it at 18.00 ct/kWh, if you use and produce as forecast",
    );
    expect(prices(home(0), tariff, english)).toBe("the grid sells at 30.00 ct/kWh and pays 6.00 ct/kWh");
    expect(prices(pooled(0), tariff, english)).toBe(
      "the grid sells at 30.00 ct/kWh and pays 6.00 ct/kWh; shared energy 18.00 ct/kWh: the price of what is not traded and is met by neighbours",
    );
  });
  it("buys", () => {
    expect(en(home(420, { bought: 105, paid: 21000 }))).toEqual(["Buying 420 W from neighbours at 20.00 ct/kWh"]);
    expect(en(home(420))).toEqual(["Taking 420 W from the grid at 30.00 ct/kWh"]);
  });
  it("says when something else flows than was traded", () => {
    expect(en(home(300, { sold: 100, received: 18400 }))).toEqual(["Taking 300 W from the grid at 30.00 ct/kWh", "400 W were sold to neighbours for this quarter of an hour."]);
    expect(en(home(-200, { bought: 420, paid: 84000 }), 60)).toEqual(["Giving 200 W to the grid at 6.00 ct/kWh", "420 W were bought from neighbours for this hour."]);
    expect(en(home(0, { bought: 105, paid: 21000 }))).toEqual(["Running on its own: nothing flows in or out.", "420 W were bought from neighbours for this quarter of an hour."]);
  });
  it("says what was traded and does not flow", () => {
    expect(en(home(300, { bought: 105, paid: 21000 }))).toEqual(["Buying 300 W from neighbours at 20.00 ct/kWh", "120 W more were bought than are used right now."]);
    expect(en(home(-300, { sold: 105, received: 10500 }))).toEqual(["Selling 300 W to neighbours at 10.00 ct/kWh", "120 W more were sold than are given right now."]);
  });
  it("says why a battery that is nearly empty does not make up for what was sold", () => {
    const sold = (meter: number, charge: number | undefined, online = true) => {
      const h = home(meter, { sold: 30, received: 5400 });
      return en({ ...h, devices: [...h.devices, { id: "b", kind: "battery", online, charge }] })[1];
    };
    const why = "; the battery is less than a fifth full and keeps its reserve for the home.";
    const dealt = "120 W were sold to neighbours for this quarter of an hour";
    expect(sold(0, 199)).toBe(dealt + why);
    expect([sold(0, 200), sold(0, undefined), sold(0, 50, false)]).toEqual([`${dealt}.`, `${dealt}.`, `${dealt}.`]);
    expect(sold(300, 50)).toBe(dealt + why);
    expect(sold(-40, 50)).toBe(`80 W more were sold than are given right now${why}`);
    expect(sold(-120, 50)).toBeUndefined();
  });
  it("is of all the home's meters", () => {
    const flat = home(100);
    const both = { ...flat, devices: [...flat.devices, { id: "roof", kind: "meter", online: true, power: -900 }] };
    expect(en(both)).toEqual(["Giving 800 W to the grid at 6.00 ct/kWh"]);
    expect(power({ ...both, devices: [...flat.devices, { id: "roof", kind: "meter", online: false, power: -900 }] }, "meter")).toBeUndefined();
    expect(power(both, "battery")).toBeUndefined();
  });
  it("takes what was sold off what was bought", () => {
    expect(en(home(-900, { sold: 350, received: 64400, bought: 100, paid: 20000 }))).toEqual(["Selling 900 W to neighbours at 18.40 ct/kWh"]);
  });
  it("is of the moment that is drawn", () => {
    expect(en({ ...home(420), flow: { time: "", meter: 400, home: 400 } })).toEqual(["Taking 400 W from the grid at 30.00 ct/kWh"]);
  });
  it("does not invent a number for a silent meter", () => {
    expect(en(home(undefined))[0]).toContain("not known");
  });
  it("has a headline of three lines at most on a phone, in each language", () => {
    const phone = 75; // letters of three lines of 328 px, of the headline's size
    const deals = [{}, { sold: 5123, received: 1_000_000 }, { bought: 5123, paid: 1_000_000 }];
    for (const meter of [-12_340, -40, 0, 40, 12_340, undefined])
      for (const deal of deals)
        for (const h of [home(meter, deal), pooled(meter, deal)])
          for (const say of [english, german]) expect(sentence(h, tariff, 15, say).head.length).toBeLessThanOrEqual(phone);
  });
});

describe("expectation", () => {
  const expecting = (energy: number, money: number, contract: Partial<Home["contract"]> = {}) => {
    const { contract: c } = home(0, contract);
    const left = energy - (c.bought - c.sold);
    return expectation({ ...home(0, contract), expected: { energy, money, short: Math.max(left, 0), over: Math.max(-left, 0) } }, tariff, 15, english);
  };
  it("is silent when the home has not said", () => expect(expectation(home(0), tariff, 15, english)).toBe(""));
  it("says what the trades leave over", () => {
    expect(expecting(-500, 46000, { sold: 400, received: 40000 })).toBe(
      "Forecast for this quarter of an hour: about 5 ct earned, as traded and with 100 Wh to the grid at 6.00 ct/kWh, if you use and produce as forecast",
    );
    expect(expecting(105, -21000, { bought: 105, paid: 21000 })).toBe("Forecast for this quarter of an hour: about 2 ct spent, as traded, if you use and produce as forecast");
  });
  it("says so when next to nothing is expected", () => {
    expect(expecting(10, -3000)).toBe("Forecast for this quarter of an hour: about nothing, with 10 Wh from the grid at 30.00 ct/kWh, if you use and produce as forecast");
    expect(expecting(0, 0)).toBe("Forecast for this quarter of an hour: about nothing, if you use and produce as forecast");
  });
  it("tells both ways of a home of which a metering point shares nothing", () => {
    expect(expectation({ ...home(0), expected: { energy: -100, money: -18000, short: 100, over: 200 } }, tariff, 15, english)).toBe(
      "Forecast for this quarter of an hour: about 2 ct spent, with 100 Wh from the grid at 30.00 ct/kWh and 200 Wh to the grid at 6.00 ct/kWh, if you use and produce as forecast",
    );
  });
});

const tokens = (n: number) => `${n} tokens`;

describe("in German", () => {
  const de = (h: Home) => said(h, tariff, 15, german);
  it("is said in whole sentences", () => {
    expect(de(home(-900, { sold: 250, received: 46000 }))).toEqual(["Verkauft 900 W an die Nachbarn zu 18,40 ct/kWh"]);
    expect(de(home(300, { sold: 100, received: 18400 }))).toEqual(["Nimmt 300 W auf: aus dem Netz zu 30,00 ct/kWh", "400 W sind für diese Viertelstunde an die Nachbarn verkauft."]);
    expect(de(pooled(-2530, { sold: 45, received: 4410 }))).toEqual([
      "Verkauft 180 W an die Nachbarn zu 9,80 ct/kWh",
      "Gibt weitere 2,35 kW ab: was die Nachbarn davon brauchen zu 18,00 ct/kWh, der Rest ins Netz zu 6,00 ct/kWh.",
    ]);
    expect(de(pooled(420))).toEqual(["Nimmt 420 W auf", "Was die Nachbarn übrig haben zu 18,00 ct/kWh, der Rest aus dem Netz zu 30,00 ct/kWh."]);
  });
});

describe("challenge", () => {
  const asked = { direction: "discharge" as const, power: 1300, until: "2026-06-01T14:05:00Z", tokens: 83 };
  it("says what the battery does and gets", () => {
    expect(challenge({ ...asked, cost: 9000 }, english, tokens)).toBe(
      "The battery answers a storage challenge until 14:05: it gives 1.30 kW more than it did. It earned 83 tokens for its last closed day; challenges cost about 1 ct today.",
    );
    expect(challenge({ ...asked, direction: "charge" }, english, tokens)).toBe(
      "The battery answers a storage challenge until 14:05: it takes 1.30 kW more than it did. It earned 83 tokens for its last closed day.",
    );
    expect(challenge({ ...asked, cost: -2_000_000 }, inEnglish("HUF"), tokens)).toContain("challenges brought about 2 HUF today");
  });
});

describe("own", () => {
  it("names the home's tariff, and what a neighbour's kWh avoids of it", () => {
    expect(own(undefined, english)).toBeUndefined();
    expect(own(tariff, english)).toEqual({ name: "t", note: "now a kWh from neighbours avoids 30.00 ct/kWh, the whole price of the grid" });
    expect(own({ ...tariff, name: "by the hour", community: 50000 }, english)).toEqual({ name: "by the hour", note: "now a kWh from neighbours pays 5.00 ct/kWh of the grid's price too, and avoids 25.00 ct/kWh" });
  });
});
