import { describe, expect, it } from "vitest";
import type { Series } from "./chart";
import { bars, outline } from "./drawing";
import { marks } from "./scale";

interface P {
  at: number;
  in?: number;
  out?: number;
}
const points: P[] = [{ at: 0, in: 5, out: 2 }, { at: 1, in: 0 }, { at: 2 }, { at: 3, in: 1, out: 4 }, { at: 4, in: 2 }];
const start = (p: P) => p.at * 10;
const end = (p: P) => p.at * 10 + 10;
const scale = { from: 0, to: 50, at: (v: number) => v };
const series = (more: Partial<Series<P>>): Series<P> => ({ name: "import", label: "Taken", kind: "bars", value: (p) => p.in, ...more });

describe("what comes in and what goes out", () => {
  it("are never one bar", () => {
    const all = bars({ points, start, end, series: [series({}), series({ name: "export", value: (p) => p.out, down: true })] });
    expect(all.map((b) => [b.series, b.start, b.low, b.high])).toEqual([
      ["import", 0, 0, 5],
      ["export", 0, -2, 0],
      ["import", 30, 0, 1],
      ["export", 30, -4, 0],
      ["import", 40, 0, 2],
    ]);
  });
  it("stand upon each other where they go the same way", () => {
    const all = bars({ points: points.slice(0, 1), start, end, series: [series({}), series({ name: "solar", value: () => 3 })] });
    expect(all.map((b) => [b.low, b.high])).toEqual([[0, 5], [5, 8]]);
  });
});

describe("what is not known", () => {
  it("is a gap, and never nothing", () => {
    const drawn = { points, start, end, series: [] };
    expect(outline(drawn, series({ kind: "line" }), scale, scale)).toBe("M5.0,5.0L15.0,0.0M35.0,1.0L45.0,2.0");
    expect(outline(drawn, series({ kind: "stairs" }), scale, scale)).toBe("M0.0,5.0L10.0,5.0L10.0,0.0L20.0,0.0M30.0,1.0L40.0,1.0L40.0,2.0L50.0,2.0");
  });
});

describe("long times are marked", () => {
  const over = (from: string, to: string) => ({ from: Date.parse(from), to: Date.parse(to) });
  it("by days where they begin, also where the clocks are turned", () => {
    const week = marks(over("2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z"), "Europe/Berlin", 800);
    expect(week.map((m) => new Date(m.at).toISOString().slice(5, 16))).toEqual(["10-18T22:00", "10-19T22:00", "10-20T22:00", "10-21T22:00", "10-22T22:00", "10-23T22:00", "10-24T22:00", "10-25T23:00"]);
    expect(week[0]?.date).toEqual({ weekday: "short" });
  });
  it("by months, as many as there is room for", () => {
    const year = over("2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z");
    expect(marks(year, "Europe/Berlin", 800)).toHaveLength(13);
    expect(marks(year, "Europe/Berlin", 300)).toHaveLength(5);
  });
});
