import { describe, expect, it } from "vitest";
import type { Api } from "../../ui/api";
import { Allowed, range, type Span } from "./allowed";

const june: Span = { first: "2026-06-01", last: "2026-06-30", step: "1h" };

describe("days of a site", () => {
  it("begin and end by its clocks, also when these change", () => {
    expect(range(june, "Europe/Berlin")).toEqual({ from: "2026-05-31T22:00:00.000Z", to: "2026-06-30T22:00:00.000Z" });
    expect(range({ ...june, first: "2026-10-25", last: "2026-10-25" }, "Europe/Berlin")).toEqual({ from: "2026-10-24T22:00:00.000Z", to: "2026-10-25T23:00:00.000Z" });
  });
  it("are none the wrong way round, or without a date", () => {
    expect([range({ ...june, last: "2026-05-31" }, "UTC"), range({ ...june, last: "" }, "UTC"), range({ ...june, first: "" }, "UTC")]).toEqual([undefined, undefined, undefined]);
  });
});

describe("what members allow", () => {
  const api = (answer: () => unknown) => ({ call: async () => answer() }) as unknown as Api;
  it("is counted, with links to all of it", async () => {
    const allowed = new Allowed(api(() => ({ homes: [{ points: [1, 2] }, { points: [1, 2] }, { points: [1] }] })));
    await allowed.look(june, "UTC", "wrong");
    expect(allowed.found.value).toEqual({
      homes: 3,
      steps: 5,
      csv: "/api/v1/research/history?from=2026-06-01T00%3A00%3A00.000Z&to=2026-07-01T00%3A00%3A00.000Z&step=1h&format=csv",
      json: "/api/v1/research/history?from=2026-06-01T00%3A00%3A00.000Z&to=2026-07-01T00%3A00%3A00.000Z&step=1h&format=json",
    });
  });
  it("is told as refused, and nothing of what was found before stays", async () => {
    let refused = false;
    const allowed = new Allowed(
      api(() => {
        if (refused) throw new Error("fewer than three homes allow research");
        return { homes: [] };
      }),
    );
    await allowed.look(june, "UTC", "wrong");
    refused = true;
    await allowed.look(june, "UTC", "wrong");
    expect([allowed.found.value, allowed.problem.value]).toEqual([null, "fewer than three homes allow research"]);
    await allowed.look({ ...june, last: "2026-01-01" }, "UTC", "wrong");
    expect([allowed.found.value, allowed.problem.value]).toEqual([null, "wrong"]);
  });
});
