import { expect, test } from "vitest";
import { type Api, Failed } from "./api";
import { firstFor, pagesFor } from "./pages";
import { Session, type SessionInfo } from "./session";

const nobody: SessionInfo = { signed_in: false, demonstration: false, community: "c", display_name: "c", zone: "UTC", currency: "EUR", language: "en", methods: [], first_start: false };

function of(info: Partial<SessionInfo>): Session {
  const s = new Session({} as Api);
  s.info.value = { ...nobody, ...info };
  return s;
}

test("who is signed in has the pages of the role alone, also in a demonstration", () => {
  expect(pagesFor(of({}))).toEqual([]);
  expect(pagesFor(of({ demonstration: true })).length).toBeGreaterThan(3);
  expect(pagesFor(of({ demonstration: true, signed_in: true, role: "installer" })).map((p) => p.name)).toEqual(["devices"]);
  expect(pagesFor(of({ signed_in: true, role: "homeowner", member: "ann" })).map((p) => p.name)).toEqual(["home", "ledger", "money"]);
});

test("an operator's pages lead to the accounts, which who just looks does not have", () => {
  const names = (info: Partial<SessionInfo>) => pagesFor(of({ demonstration: true, ...info })).map((p) => p.name);
  expect(names({ signed_in: true, role: "operator" })).toContain("accounts");
  expect(names({})).not.toContain("accounts");
});

test("everybody begins on a page of their own", () => {
  const first = (role: SessionInfo["role"]) => firstFor(of({ demonstration: true, signed_in: true, role }));
  expect([first("homeowner"), first("installer"), first("utility"), first("researcher"), first("operator"), first("key")]).toEqual(["/", "/installer.html", "/utility.html", "/researcher.html", "/", undefined]);
});

test("a page is open to who is signed in, and to everybody in a demonstration", () => {
  expect([of({}).open, of({ demonstration: true }).open, of({ signed_in: true, role: "viewer" }).open]).toEqual([false, true, true]);
});

test("who came to a demonstration by a click is a guest, who has an account there is none", () => {
  expect(of({ demonstration: true, signed_in: true, role: "operator" }).guest).toBe(true);
  expect(of({ demonstration: true, signed_in: true, role: "operator", email: "o@elm.example" }).guest).toBe(false);
  expect([of({ demonstration: true }).guest, of({ signed_in: true, role: "operator" }).guest]).toEqual([false, false]);
});

test("a session that is over already is none to end", async () => {
  const ended = (e: Error) => new Session({ call: () => Promise.reject(e) } as unknown as Api).signOut();
  await ended(new Failed("sign in", 401));
  await expect(ended(new Failed("not now", 503))).rejects.toThrow("not now");
});
