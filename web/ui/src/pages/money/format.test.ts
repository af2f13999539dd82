import { describe, expect, it } from "vitest";
import { deutsch, english } from "./example";
import { begin, csv, date, end, lastMonth } from "./format";

describe("format", () => {
  it("shows amounts in whole minor units of the currency, rounded half away from zero", () => {
    expect(english.amount(-1_234_565_000, "EUR", 2)).toBe("1,234.57 EUR"); // 123456.5 cents
    expect(english.amount(4_999, "EUR", 2)).toBe("0.00 EUR");
    expect(english.amount(1_500_000, "JPY", 0)).toBe("2 JPY");
    expect(english.amount(1_234_500, "KWD", 3)).toBe("1.235 KWD");
  });
  it("says the direction in words, and none of nothing", () => {
    expect([english.worded(-1_330_000, "EUR", 2), english.worded(290_000, "EUR", 2), english.worded(-4_999, "EUR", 2)]).toEqual(["pays 1.33 EUR", "gets 0.29 EUR", "0.00 EUR"]);
    expect(english.worded(-7_000_000, "EUR", 2, english.words.of.fund)).toBe("went out: 7.00 EUR");
    expect(english.worded(80_000, "EUR", 2, english.words.of.more)).toBe("better by 0.08 EUR");
  });
  it("shows the last millionth where it counts", () => {
    expect([english.exact(-39_613, "EUR"), english.exactly(-39_613, "EUR"), english.exactly(0, "EUR")]).toEqual(["0.039613 EUR", "pays 0.039613 EUR", "0.000000 EUR"]);
  });
  it("shows energy with its Wh, and how two differ", () => {
    expect([english.kwh(1234567), english.kwh(-5), english.difference(5, 5), english.difference(3126, 3086), english.difference(0, 9)]).toEqual(["1,234.567 kWh", "0.005 kWh", "–", "0.040 kWh more", "0.009 kWh less"]);
  });
  it("says the unit of prices once, in what people of the currency say", () => {
    expect([english.priceIn(316_000, "EUR"), english.unit("EUR"), english.priceIn(-20_000, "EUR"), english.priceIn(31_000_000, "JPY"), english.unit("JPY")]).toEqual(["31.60", "ct/kWh", "−2.00", "31", "JPY/kWh"]);
    expect([english.percent(200_000), english.percent(77_000), english.percent(25)]).toEqual(["20 %", "7.7 %", "0.0025 %"]);
  });
  it("shows local time, over both changes of the clocks and up to midnight", () => {
    expect(english.times("2026-05-31T19:00:00Z", "2026-05-31T22:00:00Z", "Europe/Vienna")).toBe("21:00–24:00");
    expect(english.times("2026-03-29T00:45:00Z", "2026-03-29T01:00:00Z", "Europe/Vienna")).toBe("01:45–03:00");
    expect([date("2026-05-31T22:00:00Z", "Europe/Vienna"), date("2026-05-31T22:00:00Z", "UTC")]).toEqual(["2026-06-01", "2026-05-31"]);
    expect([lastMonth("2026-05-31T22:00:00Z", "Europe/Vienna"), lastMonth("2026-05-31T21:59:00Z", "Europe/Vienna"), lastMonth("2026-01-10T00:00:00Z", "UTC")]).toEqual(["2026-05", "2026-04", "2025-12"]);
    expect([begin("2026-06-01T12:00:00Z/15"), end("2026-06-01T12:00:00Z/15")]).toEqual(["2026-06-01T12:00:00Z", "2026-06-01T12:15:00.000Z"]);
  });
  it("says numbers, dates and directions as German does", () => {
    expect([deutsch.worded(-1_234_565_000, "CHF", 2), deutsch.exactly(39_613, "EUR"), deutsch.kwh(1234567), deutsch.difference(0, 9)]).toEqual(["zahlt 1.234,57 CHF", "erhält 0,039613 EUR", "1.234,567 kWh", "0,009 kWh weniger"]);
    expect([deutsch.priceIn(316_000, "CHF"), deutsch.unit("CHF"), deutsch.percent(77_000)]).toEqual(["31,60", "Rp./kWh", "7,7 %"]);
    expect([deutsch.moment("2026-05-31T22:00:00Z", "Europe/Vienna"), deutsch.named("2026-06-01"), deutsch.fileSize(1_250_000)]).toEqual(["1.6.2026 00:00", "1.6.2026", "1,3 MB"]);
  });
  it("writes CSV that no spreadsheet takes for a formula", () => {
    expect(csv([["a", "b"], ['=HYPERLINK("x")', -5], ["x, y", 0]])).toBe('a,b\r\n"\'=HYPERLINK(""x"")",-5\r\n"x, y",0\r\n');
  });
});
