import { describe, expect, it } from "vitest";
import { english, german } from "./example";
import { counted, said, unknown } from "./measures";

describe("measures", () => {
  it("are said as far as they are known", () => {
    expect(said({ intervals: 0, members: 12 }, english)).toEqual([]);
    const all = said({ intervals: 96, members: 12, sharing_share: 1000, foresight_share: 927, worse_off: 0, worst_member: 40_000, bill: -5_200_000, bill_without: 4_110_000, bill_by_key: 1_000_000, imbalance: 12_345, cycles: 980, deadlines: 7, missed_deadlines: 1 }, english);
    expect(Object.fromEntries(all.map((m) => [m.label, m.value]))).toEqual({
      Shared: "100 %",
      Gain: "92.7 %",
      "All bills together": "5.20 EUR earned",
      "Worse off": "0 of 12",
      Imbalance: "12.35 kWh",
      "Battery cycles": "0.98",
      "Cars ready in time": "6 of 7",
    });
    expect(all.find((m) => m.label === "All bills together")?.note).toBe("would have been 4.11 EUR spent each alone, 1.00 EUR spent by an allocation key");
    expect(all.find((m) => m.label === "Worse off")?.note).toContain("who gained least gained 4 ct");
  });
  it("each has its formula, another one than the others", () => {
    const known = { intervals: 1, members: 2, sharing_share: 1, foresight_share: 1, welfare_share: 1, bill: 1, bill_without: 1, worse_off: 1, imbalance: 1, best_response: 1, skill: 1, cycles: 1, deadlines: 1 };
    for (const say of [english, german]) {
      const all = said(known, say);
      expect(all.length).toBe(10);
      expect(new Set(all.map((m) => m.how)).size).toBe(10);
      for (const m of all) expect(m.how.length, m.label).toBeGreaterThan(30);
    }
  });
  it("say what is missing and why", () => {
    expect(unknown({ intervals: 1, members: 2 }, english)).toEqual([]);
    expect(unknown({ intervals: 1, members: 2, unknown: [{ measure: "best_response", reason: "Later." }, { measure: "another", reason: "Never." }] }, english)).toEqual([
      { label: "Best response", reason: "Later." },
      { label: "another", reason: "Never." },
    ]);
  });
  it("say of which day the best response is, and how old", () => {
    const of = (m: object) => said({ intervals: 1, members: 2, ...m }, english).find((x) => x.label === "Best response");
    expect(of({})).toBeUndefined();
    expect(of({ best_response: 18_591, best_response_until: "2026-06-02T00:00:00Z", until: "2026-06-02T11:45:00Z" })).toMatchObject({
      label: "Best response",
      value: "2 ct",
      note: "is the most that was found for one member by other orders, all else as it was, in the day up to 2026-06-02 00:00 UTC, 11 hours before the last settled interval",
    });
    expect(of({ best_response: -5, best_response_until: "2026-06-02T00:00:00Z", until: "2026-06-02T00:45:00Z" })).toMatchObject({ value: "0 ct", note: expect.stringMatching(/2026-06-02 00:00 UTC$/) });
  });
  it("say who lost", () => expect(said({ intervals: 1, members: 2, worse_off: 1, worst_member: -30_000 }, english)[0]?.note).toContain("lost 3 ct"));
  it("say of when they are", () => {
    expect(counted({ intervals: 0, members: 1 }, english)).toContain("nothing to measure");
    expect(counted({ intervals: 96, members: 1, from: "2026-06-01T00:00:00Z", until: "2026-06-02T00:00:00Z" }, english)).toBe("Measured over 96 settled intervals from 2026-06-01 00:00 to 2026-06-02 00:00 UTC, in sums alone.");
  });
});
