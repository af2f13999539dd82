import { describe, expect, it } from "vitest";
import { english, german } from "./example";
import type { Step } from "./chart";
import { why } from "./why";

const battery = { id: "home-01/battery", kind: "battery" };
const car = { id: "home-01/charger", kind: "charger" };

/** steps are quarters of an hour from 10:00 on; each has what the battery does and what the meter counts, in Wh. */
function steps(...all: [moves: number, net: number, price?: number][]): Step[] {
  return all.map(([energy, net, price = 200_000], k) => ({
    start: new Date(Date.UTC(2026, 5, 1, 10) + k * 900_000).toISOString(),
    minutes: 15,
    forecast: { low: 0, mean: 0, high: 0 },
    net: { low: net, mean: net, high: net },
    devices: [{ device: battery.id, energy }],
    buy: price,
    sell: price - 100_000,
  }));
}

const of = (s: Step[]) => why(s, [battery], english);

describe("why a plan is as it is", () => {
  it("stores what is over, and gives it when that is dear", () => {
    const s = steps([500, -100], [500, -100], [0, 0], [-400, 5, 300_000], [0, 0]);
    expect(of(s)).toBe("The battery stores 1.00 kWh from 10:00 to 10:30 from the home's own surplus and gives it from 10:45, when a kWh would cost 30.00 ct/kWh.");
    expect(why(s, [battery], german)).toBe("Die Batterie speichert 1,00 kWh von 10:00 bis 10:30 aus dem eigenen Überschuss und gibt es ab 10:45, wenn eine kWh 30,00 ct/kWh kosten würde.");
  });
  it("buys when that is cheap", () => expect(of(steps([500, 600, 50_000], [0, 0]))).toBe("The battery stores 500 Wh from 10:00 to 10:15, when a kWh costs 5.00 ct/kWh."));
  it("sells when that brings much", () => expect(of(steps([0, 0], [-600, -500, 350_000]))).toBe("The battery gives 600 Wh from 10:15 to 10:30, when a kWh brings 25.00 ct/kWh."));
  it("rests", () => expect(of(steps([0, 0], [5, 0]))).toContain("The battery rests"));
  it("does not tell of what is little", () => expect(of(steps([20, 0], [0, 0], [600, 0]))).toContain("from 10:30"));
  it("says of a car that it has what it needs", () => {
    const s = steps([0, 0]).map((x) => ({ ...x, devices: [{ device: car.id, energy: 0 }] }));
    expect(why(s, [battery, car], english)).toBe("The car has what it needs.");
  });
  it("says so where nothing can be moved", () => expect(why(steps([0, 0]), [], english)).toBe("Nothing can be moved: the home takes what it needs."));
});
