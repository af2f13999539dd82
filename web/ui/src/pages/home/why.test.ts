import { describe, expect, it } from "vitest";
import { english, german } from "./example";
import type { Step } from "./chart";
import { type Mover, why } from "./why";

const battery: Mover = { id: "home-01/battery", kind: "battery", online: false };
const car: Mover = { id: "home-01/charger", kind: "charger", online: false };

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

  it("names what matters most by energy × price, and not the first trifle", () => {
    const s = steps([60, 70], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [800, -100], [0, 0], [900, -100], [0, 0], [-100, 5, 310_000], [-1500, 5, 350_000], [0, 0]);
    expect(of(s)).toBe("The battery stores 1.70 kWh from 11:45 to 12:30 from the home's own surplus and gives it from 12:45, when a kWh would cost 34.75 ct/kWh.");
    expect(of(steps([-60, 5], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [-900, 5]))).toContain("gives 900 Wh from 11:30 to 11:45");
    expect(of(steps([-200, 5, 100_000], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [-100, 5, 500_000]))).toContain("gives 100 Wh from 11:30 to 11:45"); // 100 Wh at 50 ct are worth more than 200 Wh at 10 ct
  });
  it("does not tell of many steps that are little together", () => expect(of(steps([20, 0], [20, 0], [9, 0], [0, 0], [40, 0]))).toContain("rests"));
  it("looks a day ahead", () => {
    const later = steps(...Array.from({ length: 97 }, (_, k): [number, number] => (k === 96 ? [-5000, 5] : k === 3 ? [-100, 5] : [0, 0])));
    expect(of(later)).toContain("gives 100 Wh from 10:45");
  });
  it("agrees with what the battery does now", () => {
    const doing = (s: Step[], power: number, online = true) => why(s, [{ ...battery, power, online }], english);
    const evening = steps([0, 0], [0, 0], [0, 0], [-600, 5]);
    expect(doing(evening, -420)).toBe("The battery gives right now. The battery gives 600 Wh from 10:45 to 11:00, when a kWh would cost 20.00 ct/kWh.");
    expect(doing(evening, 420)).toMatch(/^The battery charges right now. The battery gives 600 Wh/);
    expect(doing(evening, 30)).toMatch(/^The battery rests right now. The battery gives/);
    expect(doing(evening, -420, false)).toMatch(/^The battery gives 600 Wh/); // it does not answer: what it does is not known
    expect(doing(steps([-600, 5], [0, 0]), -2400)).toMatch(/^The battery gives 600 Wh from 10:00/);
    expect(doing(steps([0, 0], [5, 0]), -420)).toBe("The battery gives right now, and from the next interval on rests: no hour is so much dearer than another that its losses would pay.");
    expect(doing(steps([0, 0], [5, 0]), 0)).toMatch(/^The battery rests: no hour/);
    expect(why(evening, [{ ...battery, power: 420, online: true }], german)).toMatch(/^Die Batterie lädt gerade. Die Batterie gibt 600 Wh/);
  });
  it("agrees with what the car does now", () => {
    const s = steps([0, 0]).map((x) => ({ ...x, devices: [{ device: car.id, energy: 0 }] }));
    expect(why(s, [{ ...car, power: 7000, online: true }], english)).toBe("The car charges right now, and from the next interval on has what it needs.");
  });
});
