import { describe, expect, it } from "vitest";
import { english } from "./example";
import { today } from "./today";

const cent = 10_000;

function day(net: number, without: number, more = {}) {
  return today({ net: net * cent, without: without * cent, retail_only: 0, without_estimated: false, intervals: 3, estimated: 0, ...more }, english);
}

function said(net: number, without: number) {
  const { label, value, note } = day(net, without);
  return `${label}: ${value}, ${note.replace("; 3 settled intervals", "")}`;
}

describe("today", () => {
  it("compares spending with spending and earning with earning", () => {
    expect(said(-179, -250)).toBe("Spent today: 1.79 EUR, 0.71 EUR less than without neighbours");
    expect(said(-179, -150)).toBe("Spent today: 1.79 EUR, 0.29 EUR more than without neighbours");
    expect(said(250, 179)).toBe("Earned today: 2.50 EUR, 0.71 EUR more than without neighbours");
    expect(said(30, 50)).toBe("Earned today: 30 ct, 20 ct less than without neighbours");
  });
  it("says what would have been when earning turns into spending", () => {
    expect(said(30, -71)).toBe("Earned today: 30 ct, would have spent 71 ct without neighbours");
    expect(said(-30, 150)).toBe("Spent today: 0.30 EUR, would have earned 1.50 EUR without neighbours");
    expect(said(0, -71)).toBe("Earned today: 0 ct, would have spent 71 ct without neighbours");
    expect(said(26, -0.1)).toBe("Earned today: 26 ct, 26 ct more than without neighbours");
    expect(said(-71, 0)).toBe("Spent today: 71 ct, 71 ct more than without neighbours");
  });
  it("does not make a difference of nothing", () => {
    expect(said(-30, -30)).toBe("Spent today: 30 ct, the same as without neighbours");
    expect(said(-30, -30.2)).toBe("Spent today: 30 ct, about the same as without neighbours");
    expect(said(250, 249.8)).toBe("Earned today: 2.50 EUR, about the same as without neighbours");
  });
  it("marks what is estimated, and says why", () => {
    const words = day(-179, -250, { estimated: 2 });
    expect(words.value).toBe("about 1.79 EUR");
    expect(words.note).toBe("about 0.71 EUR less than without neighbours; 3 settled intervals, of which 2 are estimated until their meter answers");
    expect(day(-179, -250, { without_estimated: true }).note).toBe("about 0.71 EUR less than without neighbours; 3 settled intervals; what it would be without neighbours is an estimate");
  });
  it("says since when, where that is not midnight", () => {
    expect(day(30, 30, { since: "2026-06-01T10:15:00Z" }).note).toBe("the same as without neighbours; 3 settled intervals since 10:15");
    expect(day(30, 30, { since: "2026-06-01T00:00:00Z" }).note).toBe("the same as without neighbours; 3 settled intervals");
    expect(day(30, 30, { since: "2026-06-01T10:15:00Z", intervals: 1, estimated: 1 }).note).toBe(
      "about the same as without neighbours; 1 settled interval since 10:15, of which 1 is estimated until its meter answers",
    );
  });
  it("is not yet known before the first settlement", () => expect(day(0, 0, { intervals: 0 })).toEqual({ label: "Today", value: "–", note: "no interval is settled yet today" }));
});
