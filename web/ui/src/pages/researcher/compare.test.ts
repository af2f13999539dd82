import { describe, expect, it } from "vitest";
import { Format } from "../../ui/format";
import { words as shared } from "../../ui/words/en";
import { difference, laid, rows, shown } from "./compare";
import type { Point, Result } from "./lab";

const format = new Format("en", "UTC", "EUR", shared.units);

function result(summary: Record<string, unknown>, points: Partial<Point>[] = []): Result {
  return {
    run: { id: "r", scenario: "s", state: "done", progress: 100, queued: "2026-06-01T10:00:00Z", version: "v", bytes: 0 },
    summary,
    points: points.map((p, k) => ({ start: new Date(Date.UTC(2026, 5, 1, 0, 15 * k)).toISOString(), minutes: 15, offered: 0, wanted: 0, traded: 0, import: 0, export: 0, ...p })),
  };
}

describe("runs side by side", () => {
  it("differ by what the second has more, also where one does not know", () => {
    const all = rows([result({ net: 16_251_720, without: { net: -4_109_460 }, mean_price: null, traded: 1000 }), result({ net: 15_000_000, without: { net: -4_109_460 }, mean_price: 170_000, traded: 1500 })]);
    const of = (name: string) => all.find((r) => r.name === name);
    expect(of("net")?.more).toEqual([0, -1_251_720]);
    expect(of("without.net")?.more).toEqual([0, 0]);
    expect(of("mean_price")).toEqual({ name: "mean_price", values: [undefined, 170_000], more: [undefined, undefined] });
    expect(of("foresight_share")).toBeUndefined();
  });

  it("say direction by a sign and a word's unit", () => {
    expect([shown("net", 16_251_720, format), shown("net", -4_109_460, format), shown("traded", 118_428, format), shown("welfare_share", 1000, format), shown("battery_cycles", 1250, format)]).toEqual(["+16.25 EUR", "−4.11 EUR", "118.43 kWh", "100 %", "1.25"]);
    expect([difference("net", -1_251_720, format), difference("traded", 500, format), difference("trades", 0, format), difference("self_sufficiency", -15, format)]).toEqual(["−1.25 EUR", "+500 Wh", "=", "−1.5 pp"]);
  });

  it("have one unit in a row", () => {
    expect([shown("traded", 500, format, 118_428), difference("traded", -105, format, 118_428)]).toEqual(["0.50 kWh", "−0.11 kWh"]);
  });

  it("are laid over each other by their intervals' places, the shorter with a gap", () => {
    const all = laid([result({}, [{ traded: 1 }, { traded: 2 }]), result({}, [{ traded: 3 }])]);
    expect(all.map((l) => l.points.map((p) => p?.traded))).toEqual([[1, 3], [2, undefined]]);
    expect(all[1]!.start - all[0]!.start).toBe(15 * 60_000);
    expect(laid([])).toEqual([]);
  });
});
