import { expect, test } from "vitest";
import { Format } from "../../ui/format";
import { words as shared } from "../../ui/words/en";
import { linesOf } from "./bills";
import { gaps, total } from "./history";
import { against, lastDay } from "./money";
import { type Bill, type History, moneyStep, type Row, rows, type Sum } from "./past";
import { ownWords as de } from "./words/own_de";
import { ownWords as en } from "./words/own_en";

const format = new Format("en", "Europe/Vienna", "EUR", shared.units);

const row = (more: Partial<Row>): Row => ({ start: "2026-06-01T00:00:00Z", end: "2026-06-01T00:15:00Z", quality: "measured", intervals: 1, expected: 1, settled: 1, ...more });

const sum = (more: Partial<Sum>): Sum => ({
  name: "2026-06", from: "", to: "", intervals: 5, estimated: 0, provisional: false, earned: 0, spent: 0, standing: 0, vat: 0, net: 0, without: 0, without_estimated: false, method: "", savings: 0, formula: "", ...more,
});

test("each step stands beside the one as far into the range before", () => {
  const points = [row({ import: 1 }), row({ import: 2 }), row({ import: 3 })];
  const h: History = { home: "a", zone: "UTC", currency: "EUR", step: "1d", from: "", to: "", points, before: { from: "", to: "", points: [row({ import: 7 }), row({ import: 8 })] } };
  expect(rows(h).map((r) => r.before?.import)).toEqual([7, 8, undefined]);
  expect(rows({ ...h, before: undefined }).every((r) => r.before === undefined)).toBe(true);
});

test("money has no steps of five minutes", () => {
  expect(moneyStep("5m")).toBe("15m");
  expect(moneyStep("1mo")).toBe("1mo");
});

test("what is not known is said, and only that", () => {
  expect(gaps([row({}), row({})], en.history)).toBe(en.history.whole);
  const said = gaps([row({ quality: "missing" }), row({ quality: "partial" }), row({ quality: "provisional", lacking: ["home", "battery_in"] }), row({ quality: "estimated" })], en.history);
  expect(said).toBe("Of 1 of 4 steps nothing is known. Of 1 step a part is not known. The latest is read and not settled yet. Some values were estimated. Not always known: charging, use at home.");
});

test("a total counts what is settled, and says which way the savings go", () => {
  const money = (m: number) => format.money(m, 1e8);
  expect(total([row({ quality: "provisional" })], en.history, money)).toBe(en.history.unsettled);
  const all = [row({ cost: 2_000_000, earned: 500_000, savings: 300_000 }), row({ cost: 1_000_000, earned: 0, savings: -500_000 }), row({})];
  expect(total(all, en.history, money)).toBe("Earned 0.50 EUR, spent 3.00 EUR, without charges and VAT; 0.20 EUR worse than without the community.");
});

test("savings are said by their direction and never as less than nothing", () => {
  expect(against(sum({ net: -14e6, savings: 4_650_000 }), en, format)).toBe("4.65 EUR better than without the community");
  expect(against(sum({ net: -14e6, savings: -4_650_000, without_estimated: true }), en, format)).toBe("about 4.65 EUR worse than without the community");
  expect(against(sum({ savings: 4_000 }), en, format)).toBe(en.money.same);
  expect(against(sum({ net: -14e6, savings: 4_650_000 }), de, new Format("de", "UTC", "EUR", shared.units))).toBe("4,65 EUR besser als ohne die Gemeinschaft");
});

test("the lines of a bill are those of its points and of earlier months", () => {
  const line = { kind: "own", energy: 1, price: 2, amount: 3, intervals: 1 };
  const content = { points: [{ metering_point: "mp-1", lines: [line] }, { metering_point: "mp-2", lines: null }], corrections: [{ ...line, metering_point: "mp-2", months: ["2026-05"] }] };
  expect(linesOf({ content } as unknown as Bill).map((l) => [l.point, l.correction])).toEqual([["mp-1", false], ["mp-2", true]]);
});

test("a month is over on its last day by the site's clocks", () => {
  expect(lastDay("2026-06-30T22:00:00Z", format)).toBe("30 June");
  expect(lastDay("2026-06-30T12:00:00Z", new Format("de", "Pacific/Auckland", "EUR", shared.units))).toBe("30. Juni");
});
