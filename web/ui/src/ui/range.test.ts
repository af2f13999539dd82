import { describe, expect, it } from "vitest";
import { around, count, instants, moved, Range, stepOf, today } from "./range";

describe("days", () => {
  it("are those around a day", () => {
    expect(around("day", "2026-03-01")).toEqual({ from: "2026-03-01", until: "2026-03-02" });
    expect(around("week", "2026-06-03")).toEqual({ from: "2026-06-01", until: "2026-06-08" });
    expect(around("week", "2026-06-07")).toEqual({ from: "2026-06-01", until: "2026-06-08" });
    expect(around("month", "2028-02-29")).toEqual({ from: "2028-02-01", until: "2028-03-01" });
    expect(around("year", "2026-06-03")).toEqual({ from: "2026-01-01", until: "2027-01-01" });
  });
  it("move by what the calendar has", () => {
    expect(moved("month", around("month", "2026-03-15"), -1)).toEqual({ from: "2026-02-01", until: "2026-03-01" });
    expect(moved("month", around("month", "2026-12-15"), 1)).toEqual({ from: "2027-01-01", until: "2027-02-01" });
    expect(moved("free", { from: "2026-06-01", until: "2026-06-11" }, -1)).toEqual({ from: "2026-05-22", until: "2026-06-01" });
  });
  it("begin and end by the clocks of the site, also where a day has 23 hours", () => {
    const hours = (day: string) => {
      const { from, to } = instants(around("day", day), "Europe/Berlin");
      return [from, (Date.parse(to) - Date.parse(from)) / 3_600_000];
    };
    expect(hours("2026-03-29")).toEqual(["2026-03-28T23:00:00.000Z", 23]);
    expect(hours("2026-10-25")).toEqual(["2026-10-24T22:00:00.000Z", 25]);
    expect(today("2026-05-31T22:30:00Z", "Europe/Berlin")).toBe("2026-06-01");
  });
  it("are shown in steps by their number", () =>
    expect(["day", "week", "month", "year"].map((u) => stepOf(around(u as "day", "2026-06-03")))).toEqual(["5m", "1h", "1d", "1mo"]));
});

describe("a range", () => {
  it("keeps the day that is looked at", () => {
    const r = new Range("2026-06-03");
    r.choose("month", "2026-06-03");
    r.choose("day", "2026-06-03");
    expect(r.days.value.from).toBe("2026-06-03");
    r.choose("month", "2026-06-03");
    r.move(-1);
    r.choose("week", "2026-06-03");
    expect(r.days.value).toEqual({ from: "2026-04-27", until: "2026-05-04" });
    r.now("2026-06-03");
    expect([r.unit.value, r.days.value.from]).toEqual(["week", "2026-06-01"]);
  });
  it("is any days that are asked for, both of them in it", () => {
    const r = new Range("2026-06-03");
    r.set("2026-06-01", "2026-06-10");
    expect([r.unit.value, count(r.days.value), r.before()]).toEqual(["free", 10, { from: "2026-05-22", until: "2026-06-01" }]);
    for (const [first, last] of [["2026-06-02", "2026-06-01"], ["2026-02-30", "2026-03-01"], ["", "2026-03-01"]] as const) r.set(first, last);
    expect(r.days.value.from).toBe("2026-06-01");
  });
});
