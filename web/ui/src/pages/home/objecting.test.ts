import { expect, test } from "vitest";
import { begin, energy, intervalAt, Objecting } from "./objecting";

test("an interval is found by the site's clocks", () => {
  expect(intervalAt("2026-06-01T12:20", "Europe/Vienna", 15)).toBe("2026-06-01T10:15:00Z/15");
  expect(intervalAt("2026-06-01T12:15", "UTC", 15)).toBe("2026-06-01T12:15:00Z/15");
  expect(intervalAt("", "UTC", 15)).toBeUndefined();
  expect(begin("2026-06-01T12:15:00Z/30")).toEqual({ start: "2026-06-01T12:15:00Z", minutes: 30 });
});

test("only whole Wh are sent", () => {
  expect([" 90 ", "0", "", "-1", "1.5", "1,5", "many", "123456789"].map(energy)).toEqual([90, 0, undefined, undefined, undefined, undefined, undefined, undefined]);
});

/** asked is a community that notes what it is asked. */
function asked(): { calls: unknown[]; api: ConstructorParameters<typeof Objecting>[0] } {
  const calls: unknown[] = [];
  const call = (method: string, path: string, o: { body?: unknown }) => {
    calls.push([method, path, o.body]);
    return Promise.resolve(path.endsWith("/values") ? { points: [{ metering_point: "mp" }] } : { objections: [{ id: 1 }] });
  };
  return { calls, api: { call } as never };
}

test("of another's home nothing is asked, and what is sent is about the interval that is shown", async () => {
  const { calls, api } = asked();
  const o = new Objecting(api);
  o.look("home-02", false);
  expect(calls).toEqual([]);
  o.look("home-01", true);
  await o.object("mp", { import: 1, export: 0 }, "so"); // nothing is shown yet
  await o.show("2026-06-01T12:15:00Z/15");
  await o.object("mp", { import: 1, export: 0 }, "so");
  expect(calls.filter((c) => (c as string[])[0] === "post")).toEqual([
    ["post", "/api/v1/homes/{home}/objections", { metering_point: "mp", interval: "2026-06-01T12:15:00Z/15", import: 1, export: 0, reason: "so" }],
  ]);
  expect([o.looked.value, o.all.value?.length]).toEqual([null, 1]);
});
