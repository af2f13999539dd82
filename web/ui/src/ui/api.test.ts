import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Api, Failed } from "./api";
import { Key } from "./key";
import { words as german } from "./words/de";

const asked: { path: string; init: RequestInit }[] = [];

/** answers has the next request answered so; never: not at all. */
function answers(answer: () => Response | Promise<Response>): void {
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    asked.push({ path, init });
    return Promise.resolve(answer());
  });
}

function json(value: unknown, status = 200): () => Response {
  return () => new Response(JSON.stringify(value), { status, statusText: "Some Reason" });
}

function storage(kept: Record<string, string> = {}) {
  return { kept, getItem: (name: string) => kept[name] ?? null, setItem: (name: string, value: string) => void (kept[name] = value) };
}

beforeEach(() => {
  asked.length = 0;
  vi.useFakeTimers();
});
afterEach(() => vi.unstubAllGlobals());

describe("api", () => {
  it("asks with the key, the path filled in and the body", async () => {
    const api = new Api(new Key("installer", storage({ "installer key": "secret" })));
    answers(json({ id: "s" }));
    expect(await api.call("post", "/api/v1/pairing/sessions/{id}/sign", { at: { id: "a/b" }, body: { load: "later" } })).toEqual({ id: "s" });
    const { path, init } = asked[0]!;
    expect(path).toBe("/api/v1/pairing/sessions/a%2Fb/sign");
    expect(init).toMatchObject({ method: "POST", body: '{"load":"later"}', headers: { Authorization: "Bearer secret", "Content-Type": "application/json" } });
  });
  it("says what stands after the path, without what is empty", async () => {
    answers(json({ postings: [] }));
    await new Api().call("get", "/api/v1/bills/{id}/postings", { at: { id: "2026-000001" }, query: { point: "mp a", interval: "2026-06-01T12:00:00Z/15" } });
    await new Api().call("get", "/api/v1/bills", { query: { period: "", member: undefined } });
    expect(asked.map((a) => a.path)).toEqual(["/api/v1/bills/2026-000001/postings?point=mp+a&interval=2026-06-01T12%3A00%3A00Z%2F15", "/api/v1/bills"]);
  });
  it("sends forms and files as they are, and gives files", async () => {
    const form = new FormData();
    answers(json({}));
    await new Api().call("post", "/api/v1/values", { body: form, query: { apply: true } });
    const list = new Blob(["number,name"]);
    await new Api().call("post", "/api/v1/members", { body: list });
    expect(asked.map((a) => [a.path, a.init.body, a.init.headers])).toEqual([
      ["/api/v1/values?apply=true", form, {}],
      ["/api/v1/members", list, { "Content-Type": "application/octet-stream" }],
    ]);
    answers(() => new Response("%PDF", { headers: { "Content-Type": "application/pdf" } }));
    expect(await (await new Api().call("get", "/api/v1/bills/{id}/pdf", { at: { id: "2026-000001" } })).text()).toBe("%PDF");
  });
  it("sends no key where there is none", async () => {
    answers(json({}));
    await new Api().call("get", "/api/v1/ledger", {});
    await new Api(new Key("installer", storage())).call("get", "/api/v1/status", {});
    expect(asked.map((a) => a.init.headers)).toEqual([{}, {}]);
  });
  it("gives nothing for an answer without a body", async () => {
    answers(() => new Response(null, { status: 204 }));
    expect(await new Api().call("delete", "/api/v1/pairing/sessions/{id}", { at: { id: "s" } })).toBeUndefined();
  });
  it("says what the community says is wrong, or else the status", async () => {
    const ask = () => new Api().call("get", "/api/v1/rewards", {});
    answers(json({ error: "the ledger is away" }, 503));
    await expect(ask()).rejects.toEqual(new Failed("the ledger is away", 503));
    answers(() => new Response("<html>", { status: 502, statusText: "Bad Gateway" }));
    await expect(ask()).rejects.toThrow("502 Bad Gateway");
    answers(json({ error: "send a key" }, 401));
    await expect(ask()).rejects.toThrow("send a key");
    answers(() => Promise.reject(new TypeError("Failed to fetch")));
    await expect(ask()).rejects.toThrow("The community is not reached.");
  });
  it("says it in the language of the page", async () => {
    const ask = () => new Api(undefined, () => german.api).call("get", "/api/v1/rewards", {});
    vi.stubGlobal("document", { documentElement: { lang: "de" } });
    answers(json({ error: "the ledger is away", said: { code: "ledger.away", values: {}, en: "the ledger is away", de: "das Hauptbuch ist nicht da" } }, 503));
    await expect(ask()).rejects.toEqual(new Failed("das Hauptbuch ist nicht da", 503));
    answers(() => Promise.reject(new TypeError("Failed to fetch")));
    await expect(ask()).rejects.toThrow("Die Gemeinschaft ist nicht erreichbar");
    answers(() => new Response("<html>", { status: 502, statusText: "Bad Gateway" }));
    await expect(ask()).rejects.toThrow("Die Gemeinschaft antwortet mit dem Fehler 502");
  });
  it("forgets a key that is refused", async () => {
    const kept = storage({ "installer key": "wrong" });
    const key = new Key("installer", kept);
    answers(json({ error: "send the installer's key" }, 401));
    await expect(new Api(key).call("get", "/api/v1/pairing/devices", {})).rejects.toThrow("That is not the installer's key of this community.");
    expect([key.value, kept.kept["installer key"]]).toEqual(["", ""]);
  });
  it("does not wait for ever, and longer where devices are asked", async () => {
    vi.stubGlobal("fetch", (_: string, { signal }: RequestInit) => new Promise((_done, fail) => signal?.addEventListener("abort", () => fail(signal.reason))));
    const first = expect(new Api().call("get", "/api/v1/ledger", {})).rejects.toThrow("The community did not answer within 15 s.");
    let over = false;
    const second = new Api().call("post", "/api/v1/pairing/discover", { body: { places: "here" }, within: 60_000 }).catch((e: Error) => {
      over = true;
      return e.message;
    });
    await vi.advanceTimersByTimeAsync(15_000);
    await first;
    expect(over).toBe(false);
    await vi.advanceTimersByTimeAsync(45_000);
    expect(await second).toBe("The community did not answer within 60 s.");
    expect(vi.getTimerCount()).toBe(0);
  });
});
