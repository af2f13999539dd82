import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Api, Failed } from "../../ui/api";
import { Lab, pairOf, seedOf } from "./lab";

beforeEach(() => void vi.useFakeTimers());

const run = (id: string, state: string) => ({ id, scenario: "summer-day", state, progress: 0, queued: "2026-06-01T10:00:00Z", version: "v", bytes: 0 });

/** served is a laboratory that answers by a table, and notes what it was asked. */
function served(answers: Record<string, unknown>) {
  const asked: string[] = [];
  const call = (method: string, path: string, ask: { body?: unknown }) => {
    asked.push(`${method} ${path}${ask.body ? ` ${JSON.stringify(ask.body)}` : ""}`);
    const answer = answers[`${method} ${path}`];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { lab: new Lab({ call } as unknown as Api), asked };
}

describe("a laboratory", () => {
  it("looks often while a run is not over, and seldom when all are", async () => {
    const answers: Record<string, unknown> = { "get /api/v1/scenarios": { scenarios: [] }, "get /api/v1/runs": { runs: [run("a", "running")] } };
    const { lab, asked } = served(answers);
    await lab.follow();
    const before = asked.length;
    await vi.advanceTimersByTimeAsync(3000);
    expect(asked.length - before).toBe(3);
    answers["get /api/v1/runs"] = { runs: [run("a", "done")] };
    await vi.advanceTimersByTimeAsync(1000);
    const then = asked.length;
    await vi.advanceTimersByTimeAsync(4900);
    expect(asked.length).toBe(then);
  });

  it("asks for what was chosen, and says why it was not done", async () => {
    const answers: Record<string, unknown> = { "get /api/v1/scenarios": { scenarios: [] }, "get /api/v1/runs": { runs: [] }, "post /api/v1/runs": run("a", "waiting") };
    const { lab, asked } = served(answers);
    expect(await lab.start({ scenario: "summer-day", seed: "7", sharing: "market" })).toBe(true);
    expect(asked[0]).toBe('post /api/v1/runs {"scenario":"summer-day","seed":7,"sharing":"market"}');
    expect(await lab.start({ scenario: "summer-day", seed: "", sharing: "" })).toBe(true);
    expect(asked).toContain('post /api/v1/runs {"scenario":"summer-day"}');
    const before = asked.length;
    expect(await lab.start({ scenario: "summer-day", seed: "seven", sharing: "" })).toBe(false);
    expect(asked.length).toBe(before);
    answers["post /api/v1/runs"] = new Failed("there are 50 runs: remove some", 409);
    expect(await lab.start({ scenario: "summer-day", seed: "", sharing: "" })).toBe(false);
    expect(lab.problem.value).toBe("there are 50 runs: remove some");
  });

  it("compares four runs at most, and none that is gone", async () => {
    const ids = ["a", "b", "c", "d", "e"];
    const answers: Record<string, unknown> = { "get /api/v1/scenarios": { scenarios: [] }, "get /api/v1/runs": { runs: ids.map((id) => run(id, "done")) }, "get /api/v1/runs/{id}": { run: run("a", "done") } };
    const { lab } = served(answers);
    for (const id of ids) await lab.choose(id, true);
    expect(lab.chosen.value).toEqual(["b", "c", "d", "e"]);
    await lab.choose("c", false);
    answers["get /api/v1/runs"] = { runs: [run("b", "done"), run("e", "done")] };
    await lab.read();
    expect(lab.chosen.value).toEqual(["b", "e"]);
  });
});

describe("what is compared", () => {
  const at = (id: string, minute: number, state = "done") => ({ ...run(id, state), queued: `2026-06-01T10:0${minute}:00Z` });
  const answered = (runs: unknown[]) => ({ "get /api/v1/scenarios": { scenarios: [] }, "get /api/v1/runs": { runs }, "get /api/v1/runs/{id}": { run: run("x", "done") }, "post /api/v1/runs": run("n", "waiting") }) as Record<string, unknown>;

  it("is the last two runs that are done, the earlier one first", async () => {
    const answers = answered([at("d", 4, "running"), at("c", 3), at("b", 2), at("a", 1)]);
    const { lab } = served(answers);
    await lab.read();
    expect([lab.chosen.value, lab.compared.value.length]).toEqual([["b", "c"], 2]);
    answers["get /api/v1/runs"] = { runs: [at("d", 4), at("c", 3), at("b", 2)] };
    await lab.read();
    expect(lab.chosen.value).toEqual(["c", "d"]);
  });
  it("is what somebody has chosen, from then on", async () => {
    const answers = answered([at("b", 2), at("a", 1)]);
    const { lab } = served(answers);
    await lab.read();
    await lab.choose("a", false);
    answers["get /api/v1/runs"] = { runs: [at("c", 3), at("b", 2), at("a", 1)] };
    await lab.read();
    expect(lab.chosen.value).toEqual(["b"]);
  });
  it("is a pair again that is started by one click", async () => {
    const answers = answered([]);
    const { lab, asked } = served(answers);
    await lab.choose("a", true);
    await lab.startPair({ scenario: "short", sharings: ["market", "at-eeg"] });
    expect(asked.filter((a) => a.startsWith("post"))).toEqual(['post /api/v1/runs {"scenario":"short","sharing":"market"}', 'post /api/v1/runs {"scenario":"short","sharing":"at-eeg"}']);
    answers["get /api/v1/runs"] = { runs: [at("n", 2), at("m", 1)] };
    await lab.read();
    expect(lab.chosen.value).toEqual(["m", "n"]);
  });
  it("pairs the shortest scenario with the market and the first other rules", () => {
    const scenario = (name: string, homes: number, days: number) => ({ name, homes, days, about: "", minutes: 15, seed: 1, mechanism: "", currency: "EUR" });
    const all = { scenarios: [scenario("long", 10, 30), scenario("short", 10, 1), scenario("wide", 50, 1)], sharings: ["market", "at-eeg", "de"] };
    expect(pairOf(all)).toEqual({ scenario: "short", sharings: ["market", "at-eeg"] });
    expect([pairOf({ ...all, sharings: ["market"] }), pairOf({ ...all, scenarios: [] })]).toEqual([undefined, undefined]);
  });
});

it("a seed is a whole number, or nothing", () => {
  expect(["", " 7 ", "0", "-1", "1.5", "x", "9007199254740993"].map(seedOf)).toEqual([undefined, 7, 0, "wrong", "wrong", "wrong", "wrong"]);
});
