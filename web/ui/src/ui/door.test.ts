import { expect, test } from "vitest";
import { Failed } from "./api";
import { closed } from "./door";

test("only who is asked for a key stands before a closed door", async () => {
  expect(await closed(() => Promise.resolve({}))).toBe(false);
  expect(await closed(() => Promise.reject(new Failed("send a key", 401)))).toBe(true);
  expect(await closed(() => Promise.reject(new Failed("not now", 503)))).toBe(false);
  expect(await closed(() => Promise.reject(new TypeError("it does not answer")))).toBe(false);
});
