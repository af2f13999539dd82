import { describe, expect, it } from "vitest";
import type { Api } from "../../ui/api";
import { Purse } from "./purse";

describe("purse", () => {
  it("says what the fund has, and what it said last where that is not known", async () => {
    let balance: number | Error = 12_340_000;
    const purse = new Purse({ call: () => (balance instanceof Error ? Promise.reject(balance) : Promise.resolve({ balance, currency: "EUR", months: [] })) } as unknown as Api);
    expect(purse.balance.value).toBeUndefined();
    await purse.read();
    expect(purse.balance.value).toBe(12_340_000);
    balance = new Error("away");
    await expect(purse.read()).rejects.toThrow("away");
    expect(purse.balance.value).toBe(12_340_000);
  });
});
