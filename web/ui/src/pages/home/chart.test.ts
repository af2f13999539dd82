import { describe, expect, it } from "vitest";
import { marks, nice, up } from "../../ui/scale";
import { across, area, line, power, ribbon, stairs, type Step } from "./chart";

const box = { left: 10, top: 20, width: 100, height: 50 };
const band = (mean: number) => ({ low: mean - 10, mean, high: mean + 10 });

function steps(...minutes: number[]): Step[] {
  let at = Date.UTC(2026, 5, 1, 10);
  return minutes.map((m, k) => {
    const start = new Date(at).toISOString();
    at += m * 60_000;
    return { start, minutes: m, forecast: band(k), net: band(100 * k), charge: k === 0 ? undefined : band(500), devices: [], buy: 1, sell: 1 };
  });
}

describe("a plan is drawn", () => {
  const all = steps(15, 15, 60);
  const x = across(all, box);
  const y = up([0, 200], box);

  it("from its first to its last moment, long steps wider", () => {
    expect([x.at(Date.parse(all[0]!.start)), Math.round(x.at(Date.parse(all[2]!.start))), x.at(x.to)]).toEqual([10, 43, 110]);
  });
  it("from round to round value, with the nothing in it", () => {
    expect(up([30, 180], box).marks).toEqual([0, 50, 100, 150, 200]);
    expect(up([-2300, 4100], box).marks).toEqual([-4000, -2000, 0, 2000, 4000, 6000]);
    expect(up([0, 0], box).marks.length).toBeGreaterThan(1);
    expect([y.at(0), y.at(200)]).toEqual([70, 20]);
  });
  it("in round steps", () => expect([nice(10, 4), nice(900, 4), nice(4, 4), nice(0, 4) > 0]).toEqual([5, 500, 1, true]));
  it("by its power, whatever its length", () => expect([power(100, all[0]!), power(100, all[2]!)]).toEqual([400, 100]));
  it("as stairs, without a gap", () => expect(stairs(all.slice(0, 2), across(all.slice(0, 2), box), y, (s) => s.net.mean)).toBe("M10.0,70.0L60.0,70.0L60.0,45.0L110.0,45.0"));
  it("with a band that closes", () => {
    const path = area(all.slice(0, 1), across(all.slice(0, 1), box), y, () => [0, 200]);
    expect(path).toBe("M10.0,20.0L110.0,20.0L110.0,70.0L10.0,70.0Z");
  });
  it("with a charge where it is known", () => {
    expect(line(all, x, y, (s) => s.charge?.mean).match(/[ML]/g)).toHaveLength(2);
    expect(ribbon(all, x, y, (s) => s.charge)).toMatch(/^M.*Z$/);
    expect(ribbon(all.slice(0, 2), x, y, (s) => s.charge)).toBe("");
  });
});

describe("times are marked", () => {
  const over = (start: string, hours: number) => ({ from: Date.parse(start), to: Date.parse(start) + hours * 3_600_000, at: (t: number) => t });
  it("by the clocks of the zone, days where they begin", () => {
    expect(marks(over("2026-06-01T10:00:00Z", 24), "Europe/Berlin", 200).map((m) => [m.hour, m.midnight])).toEqual([
      ["12:00", false],
      ["18:00", false],
      ["00:00", true],
      ["06:00", false],
      ["12:00", false],
    ]);
  });
  it("as often as there is room", () => expect([marks(over("2026-06-01T00:00:00Z", 48), "UTC", 1000).length, marks(over("2026-06-01T00:00:00Z", 48), "UTC", 250).length]).toEqual([17, 5]));
  it("once, also where the clocks show a time twice", () => {
    const hours = marks(over("2026-10-24T20:00:00Z", 12), "Europe/Berlin", 1000).map((m) => m.hour);
    expect(hours).toEqual(["00:00", "03:00", "06:00", "09:00"]);
  });
  it("where a zone is not whole hours from UTC", () => expect(marks(over("2026-06-01T00:00:00Z", 12), "Asia/Kolkata", 200).map((m) => m.hour)).toEqual(["06:00", "09:00", "12:00", "15:00"]));
});
