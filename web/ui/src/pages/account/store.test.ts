import { expect, test } from "vitest";
import { type Api, Failed } from "../../ui/api";
import { Account, cameOf, type Entry, whose } from "./store";

const entry = (number: number): Entry => ({ number, time: "2026-06-01T10:00:00Z", who: "Olga", account: "o", what: "invited", about: "", address: "192.0.2.1" });

/** community answers what is asked, and keeps what it was asked. */
function community(answers: Record<string, unknown>): { api: Api; asked: string[] } {
  const asked: string[] = [];
  const call = (method: string, path: string, with_: { at?: object; query?: object; body?: object } = {}) => {
    const { at, query, body } = with_;
    asked.push([method, path, ...[at, query, body].filter((x) => x !== undefined).map((x) => JSON.stringify(x))].join(" "));
    const answer = answers[`${method} ${path}`];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { api: { call } as unknown as Api, asked };
}

const own = { account: { id: "a", name: "Ann" } };
const usual = { "get /api/v1/account": own, "get /api/v1/accounts": { accounts: [], invitations: [], mail: false }, "get /api/v1/audit": { entries: [entry(9), entry(8)] } };
const noBrowser = { create: () => Promise.resolve(null) };
const nowhere = () => {};

test("only operators ask for the accounts of others and the log", async () => {
  const homeowner = community(usual);
  await new Account(homeowner.api, false, noBrowser, undefined, nowhere).start();
  expect(homeowner.asked).toEqual(["get /api/v1/account"]);
  const operator = community(usual);
  const account = new Account(operator.api, true, noBrowser, undefined, nowhere);
  await account.start();
  expect(operator.asked).toEqual(["get /api/v1/account", "get /api/v1/accounts", "get /api/v1/audit"]);
  expect(account.own.value).toEqual(own);
});

test("older entries follow the last one that is shown", async () => {
  const { api, asked } = community(usual);
  const account = new Account(api, true, noBrowser, undefined, nowhere);
  await account.start();
  await account.older();
  expect(asked.at(-1)).toBe('get /api/v1/audit {"before":8}');
  expect(account.log.value.map((e) => e.number)).toEqual([9, 8, 9, 8]);
});

test("a key and a link are shown once, and not beside what is done next", async () => {
  const { api, asked } = community({ ...usual, "post /api/v1/account/keys": { key: "cw_1" }, "post /api/v1/accounts": { link: "/signin.html#invitation=x" } });
  const account = new Account(api, true, noBrowser, undefined, nowhere);
  await account.makeKey("a display", "", ["read"], 365);
  expect(asked[0]).toBe('post /api/v1/account/keys {"name":"a display","scopes":["read"],"days":365}');
  expect(account.told.value).toEqual({ kind: "key", key: "cw_1" });
  await account.invite("homeowner", "ann", "", "Ann");
  expect(account.told.value).toEqual({ kind: "link", link: { link: "/signin.html#invitation=x" } });
  expect(asked).toContain('post /api/v1/accounts {"role":"homeowner","member":"ann","name":"Ann"}');
  await account.unlock("done");
  expect([account.told.value, account.done.value]).toEqual([null, "done"]);
});

test("what is refused is said, nothing counts as done, and the next try may go well", async () => {
  const answers: Record<string, unknown> = { ...usual, "post /api/v1/account/password": new Failed("that is not right", 401) };
  const { api } = community(answers);
  const account = new Account(api, false, noBrowser, undefined, nowhere);
  await account.password("wrong", "three small words", false, "The password is changed.");
  expect([account.problem.value, account.done.value, account.busy.value]).toEqual(["that is not right", "", false]);
  answers["post /api/v1/account/password"] = undefined;
  await account.password("right", "three small words", false, "The password is changed.");
  expect([account.problem.value, account.done.value]).toEqual(["", "The password is changed."]);
});

test("one thing is done at a time", async () => {
  const { api, asked } = community(usual);
  const account = new Account(api, false, noBrowser, undefined, nowhere);
  await Promise.all([account.endOthers(), account.endOthers()]);
  expect(asked.filter((a) => a.startsWith("delete"))).toHaveLength(1);
});

test("where the browser makes no passkey none is sent", async () => {
  const { api, asked } = community({ ...usual, "post /api/v1/account/passkeys/begin": { id: "x", options: {} } });
  globalThis.PublicKeyCredential = { parseCreationOptionsFromJSON: () => ({}) } as unknown as typeof PublicKeyCredential;
  const account = new Account(api, false, noBrowser, undefined, nowhere);
  await account.addPasskey("my phone");
  expect(account.problem.value).toBe("No passkey was made.");
  expect(asked).toEqual(["post /api/v1/account/passkeys/begin"]);
});

test("a new password may take all else with it", async () => {
  const { api, asked } = community(usual);
  await new Account(api, false, noBrowser, undefined, nowhere).password("before", "three small words", true, "done");
  expect(asked[0]).toBe('post /api/v1/account/password {"before":"before","password":"three small words","alone":true}');
});

test("who binds another service's account goes there, and comes back with what became of it", async () => {
  const { api, asked } = community({ ...usual, "post /api/v1/account/oidc/begin": { location: "https://accounts.example/authorize?x" } });
  const went: string[] = [];
  await new Account(api, false, noBrowser, undefined, (to) => went.push(to)).elsewhere();
  expect([asked, went]).toEqual([["post /api/v1/account/oidc/begin"], ["https://accounts.example/authorize?x"]]);
  expect(["#bound", "#not-bound", "#recovered", "#other", "", "bound"].map(cameOf)).toEqual(["bound", "not-bound", "recovered", undefined, undefined, undefined]);
});

test("an entry says whose it is by address, and by the account's number once that is removed", () => {
  const olga = { id: "o", name: "Olga", email: "olga@elm.example", role: "operator" as const, created: "2026-06-01T10:00:00Z" };
  expect([whose(entry(1), [{ ...olga, id: "other", email: "x" }, olga]), whose(entry(1), [])]).toEqual(["olga@elm.example", "o"]);
});
