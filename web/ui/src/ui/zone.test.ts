import { describe, expect, it } from "vitest";
import { instant, wall } from "./zone";

describe("instant", () => {
  // Europe/Berlin goes from 02:00 to 03:00 on 29 March 2026 and back on 25 October; Lord Howe turns by half an hour.
  it.each([
    ["2026-06-01T07:00", "UTC", "2026-06-01T07:00:00.000Z"],
    ["2026-06-01T07:00", "Europe/Berlin", "2026-06-01T05:00:00.000Z"],
    ["2026-01-01T00:15", "America/Los_Angeles", "2026-01-01T08:15:00.000Z"],
    ["2026-01-01T00:15", "Pacific/Kiritimati", "2025-12-31T10:15:00.000Z"],
    ["2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:00:00.000Z"], // left out: the first moment after
    ["2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30:00.000Z"], // twice: the first
    ["2026-10-04T02:15", "Australia/Lord_Howe", "2026-10-03T15:30:00.000Z"],
    ["2026-04-05T01:45", "Australia/Lord_Howe", "2026-04-04T14:45:00.000Z"],
  ])("%s in %s", (shown, zone, want) => expect(instant(shown, zone)).toBe(want));
  it("is nothing of what is no time", () => expect([instant("", "UTC"), instant("soon", "Europe/Berlin")]).toEqual([undefined, undefined]));
  it("is what the clocks show", () => {
    for (let day = 0; day < 366; day += 5) {
      const at = Date.UTC(2026, 0, 1, 6, 45) + day * 86_400_000;
      expect(instant(wall(at, "Europe/Berlin"), "Europe/Berlin")).toBe(new Date(at).toISOString());
    }
  });
});
