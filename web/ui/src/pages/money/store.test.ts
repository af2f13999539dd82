import { describe, expect, it } from "vitest";
import { type Api, Failed } from "../../ui/api";
import { Key } from "../../ui/key";
import { english } from "./example";
import { taxed } from "./public";
import { Money, partsFor } from "./store";

const tariffs = { zone: "UTC", tariffs: [] };

/** site is a page of the community's money; answers are by path, an Error is thrown. */
function site(answers: Record<string, unknown>, held = "") {
  const asked: string[] = [];
  const kept: Record<string, string> = { "operator key": held };
  const key = new Key("operator", { getItem: (name) => kept[name] ?? null, setItem: (name, value) => void (kept[name] = value) });
  const api = (who: string) =>
    ({
      call: (_: string, path: string) => {
        asked.push(`${who} ${path}`);
        const answer = answers[path];
        if (answer instanceof Failed && answer.status === 401 && who === "operator") key.forget();
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
    }) as unknown as Api;
  return { asked, key, make: (hash = "") => new Money(key, api("anybody"), api("operator"), () => english, hash) };
}

const settled = () => new Promise((done) => setTimeout(done));

describe("money", () => {
  it("shows tariffs and the fund to all, and asks for nothing else without the key", async () => {
    const { make, asked } = site({ "/api/v1/tariffs": tariffs, "/api/v1/fund": { balance: 1 } });
    const money = make("#bills");
    money.go("#bills");
    await settled();
    expect([money.tariffs.value, money.fund.value, money.closed.value, money.failed.value]).toEqual([tariffs, { balance: 1 }, false, ""]);
    expect(asked).toEqual(["anybody /api/v1/tariffs", "anybody /api/v1/fund"]);
  });
  it("reads the part that is shown, with the key", async () => {
    const { make, asked } = site({ "/api/v1/tariffs": tariffs, "/api/v1/fund": {}, "/api/v1/bills": { bills: [{ id: "a", period: "2026-05" }] }, "/api/v1/members": [] }, "k");
    const money = make();
    expect(money.part.value).toBe("tariffs");
    money.go("#bills");
    await settled();
    expect([money.part.value, money.bills.periods.value]).toEqual(["bills", ["2026-05"]]);
    money.go("#nothing");
    await settled();
    expect(money.part.value).toBe("tariffs");
    expect(asked.filter((a) => a.endsWith("bills"))).toEqual(["operator /api/v1/bills"]);
  });
  it("says that a key does not fit, and forgets it", async () => {
    const { make, key } = site({ "/api/v1/operator": new Failed("That is not the operator's key of this community.", 401), "/api/v1/tariffs": tariffs, "/api/v1/fund": {} });
    const money = make("#bills");
    await money.enter("wrong");
    expect([money.work.problem.value, key.value]).toEqual(["That is not the operator's key of this community.", ""]);
  });
  it("tells a community that shows nothing without a key from one that is away", async () => {
    const closed = site({ "/api/v1/tariffs": new Failed("send a key", 401), "/api/v1/fund": {} }).make();
    closed.go("");
    const away = site({ "/api/v1/tariffs": new TypeError("Failed to fetch"), "/api/v1/fund": {} }).make();
    away.go("");
    await settled();
    expect([closed.closed.value, closed.failed.value, away.closed.value, away.failed.value]).toEqual([true, "", false, "Failed to fetch"]);
  });
});

describe("parts", () => {
  const all = ["tariffs", "fund", "bills", "values", "members"];
  it("are all for the operator, and for who has no account and may have a key", () => expect([partsFor("operator"), partsFor(undefined)]).toEqual([all, all]));
  it("are those that are public for everybody else, and the values for the utility", () => {
    expect(partsFor("utility")).toEqual(["tariffs", "fund", "values"]);
    for (const role of ["homeowner", "installer", "researcher", "viewer"] as const) expect(partsFor(role)).toEqual(["tariffs", "fund"]);
  });
});

describe("tariff", () => {
  const period = (components: object[]) => [{ from: "", until: "", components }] as unknown as Parameters<typeof taxed>[0];
  it("says whether prices contain the tax", () => {
    expect(taxed(period([{ price: 1 }]), english)).toBe("");
    expect(taxed(period([{ vat: 200_000 }, { vat: 100_000 }, {}]), english)).toBe(" VAT of 20 % and 10 % comes on top, on the bill.");
    expect(taxed(period([{ vat: 81_000, gross: true }]), english)).toBe(" VAT of 8.1 % is contained.");
    expect(taxed(period([{ vat: 81_000, gross: true }, { vat: 81_000 }]), english)).toBe(" VAT of 8.1 % is contained in some and comes on top of others.");
  });
});
