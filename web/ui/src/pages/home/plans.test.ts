import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Api } from "../../ui/api";
import { Key } from "../../ui/key";
import { Plans } from "./plans";

interface Asked {
  method: string;
  path: string;
  key: string | undefined;
  answer: (status: number, value: unknown) => void;
}
const asked: Asked[] = [];

function plans() {
  const kept: Record<string, string> = {};
  const key = new Key("homeowner", { getItem: (name) => kept[name] ?? null, setItem: (name, value) => void (kept[name] = value) });
  return new Plans(new Api(), new Api(key), key);
}

/** settle answers all that was asked since, as the paths say. */
async function settle(home: string): Promise<void> {
  for (const a of asked.splice(0)) a.answer(200, { home, of: a.path.split("/").pop() });
  await vi.advanceTimersByTimeAsync(0);
}

beforeEach(() => {
  asked.length = 0;
  vi.useFakeTimers();
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    return new Promise((resolve) => {
      const headers = init.headers as Record<string, string>;
      asked.push({ method: init.method ?? "", path, key: headers.Authorization, answer: (status, value) => resolve(new Response(JSON.stringify(value), { status })) });
    });
  });
});
afterEach(() => {
  vi.clearAllTimers();
  vi.unstubAllGlobals();
});

describe("plans", () => {
  it("are read again and again, what changes seldom less often", async () => {
    const p = plans();
    p.look("ann");
    expect(asked.map((a) => a.path)).toEqual(["/api/v1/homes/ann/plan", "/api/v1/homes/ann/limits", "/api/v1/homes/ann/skill", "/api/v1/measures"]);
    await settle("ann");
    expect(p.plan.value?.home).toBe("ann");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked.map((a) => a.path)).toEqual(["/api/v1/homes/ann/plan", "/api/v1/homes/ann/limits"]);
  });
  it("of another home are never those of the last one", async () => {
    const p = plans();
    p.look("ann");
    const late = asked.splice(0);
    p.look("bob");
    await settle("bob");
    expect(p.plan.value?.home).toBe("bob");
    for (const a of late) a.answer(200, { home: "ann" });
    await vi.advanceTimersByTimeAsync(0);
    expect([p.plan.value?.home, p.limits.value?.home]).toEqual(["bob", "bob"]);
    p.look("cy");
    expect([p.plan.value, p.limits.value, p.skill.value]).toEqual([null, null, null]);
  });
  it("stay when they cannot be read, and it is said", async () => {
    const p = plans();
    p.look("ann");
    await settle("ann");
    await vi.advanceTimersByTimeAsync(10_000);
    for (const a of asked.splice(0)) a.answer(500, { error: "the request failed" });
    await vi.advanceTimersByTimeAsync(0);
    expect([p.plan.value?.home, p.failed.value]).toEqual(["ann", "the request failed"]);
  });
});

describe("limits", () => {
  it("are saved, and shown as they are then", async () => {
    const p = plans();
    p.look("ann");
    await settle("ann");
    const saved = p.save({ reserve: 200 }, "");
    expect(asked.map((a) => [a.method, a.path, a.key])).toEqual([["PUT", "/api/v1/homes/ann/limits", undefined]]);
    asked.splice(0)[0]!.answer(200, { home: "ann", reserve: 200 });
    await saved;
    expect([p.limits.value?.reserve, p.wanted.value]).toEqual([200, false]);
  });
  it("want a key where the community is not open, which is kept once it opened", async () => {
    const p = plans();
    p.look("ann");
    await settle("ann");
    const refused = p.save({}, "").catch((e: Error) => e.message);
    asked.splice(0)[0]!.answer(401, { error: "send a key" });
    expect(await refused).toBe("the key is wanted");
    expect(p.wanted.value).toBe(true);
    const wrong = p.save({}, "wrong").catch((e: Error) => e.message);
    expect(asked[0]!.key).toBe("Bearer wrong");
    asked.splice(0)[0]!.answer(401, { error: "send a key" });
    expect(await wrong).toBe("the key is wrong");
    const right = p.save({}, "right");
    asked.splice(0)[0]!.answer(200, { home: "ann" });
    await right;
    expect(p.wanted.value).toBe(false);
    void p.reset("");
    expect(asked.map((a) => [a.method, a.key])).toEqual([["DELETE", "Bearer right"]]);
  });
});
