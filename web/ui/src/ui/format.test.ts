import { describe, expect, it } from "vitest";
import { Format, unbroken } from "./format";
import { words as german } from "./words/de";
import { plural } from "./words";
import { words as english } from "./words/en";

const unit = 1_000_000;
const of = (currency: string) => new Format("en", "UTC", currency, english.units);
const price = (n: number, currency: string) => of(currency).price(n);
const watts = (n: number) => of("EUR").watts(n);
const money = (n: number, currency: string, beside = 0) => of(currency).money(n, beside);
const about = (n: number, currency: string) => of(currency).about(n);
const { full, span, period, since } = { full: (n: number) => of("EUR").full(n), span: (i: { start: string; minutes: number }) => of("EUR").span(i), period: (n: number) => of("EUR").period(n), since: (...at: Parameters<Format["since"]>) => of("EUR").since(...at) };

describe("power", () => {
  it("has a unit and no minus", () => expect([watts(-999), watts(1000)]).toEqual(["999 W", "1.00 kW"]));
});

describe("price", () => {
  it("is in what people of the currency say", () => {
    expect(["EUR", "USD", "GBP", "CHF"].map((c) => price(184_000, c))).toEqual(["18.40 ct/kWh", "18.40 ¢/kWh", "18.40 p/kWh", "18.40 Rp./kWh"]);
    expect(["CZK", "SEK", "INR"].map((c) => price(6.5 * unit, c))).toEqual(["6.50 CZK/kWh", "6.50 SEK/kWh", "6.50 INR/kWh"]);
    expect(["HUF", "JPY", "KZT"].map((c) => price(65 * unit, c))).toEqual(["65 HUF/kWh", "65 JPY/kWh", "65 KZT/kWh"]);
    expect(price(0.025 * unit, "KWD")).toBe("0.025 KWD/kWh");
  });
  it("may be negative", () => expect(price(-50_000, "EUR")).toBe("−5.00 ct/kWh"));
  it("does not fail on a code that is no currency", () => expect(price(unit, "12€")).toBe("1.00 12€/kWh"));
});

describe("money", () => {
  it("is hundredths when it is little, where people say so", () => {
    expect([money(-710_000, "EUR"), money(1_790_000, "EUR"), money(996_000, "EUR"), money(710_000, "GBP")]).toEqual(["71 ct", "1.79 EUR", "1.00 EUR", "71 p"]);
    expect([money(710_000, "CZK"), money(12_345 * unit, "HUF"), money(400_000, "JPY")]).toEqual(["0.71 CZK", "12,345 HUF", "0 JPY"]);
  });
  it("has the unit of the amount beside it", () => expect(money(-710_000, "EUR", -1_790_000)).toBe("0.71 EUR"));
  it("is less than the smallest when it is too little to be shown", () => {
    expect([about(4000, "EUR"), about(-9000, "EUR"), about(400_000, "HUF"), about(65 * unit, "HUF"), about(4000, "CZK")]).toEqual([
      "less than 1 ct", "about 1 ct", "less than 1 HUF", "about 65 HUF", "less than 0.01 CZK",
    ]);
  });
});

describe("count", () => {
  it("has a singular", () => expect([0, 1, 2].map((n) => plural(n, "interval", "intervals"))).toEqual(["0 intervals", "1 interval", "2 intervals"]));
});

describe("full", () => {
  it("is 100 % of a full battery alone", () => expect([0, 9, 10, 994, 995, 999, 1000].map(full)).toEqual(["0 %", "0 %", "1 %", "99 %", "99 %", "99 %", "100 %"]));
});

describe("unbroken", () => {
  it("keeps a number with its unit", () => expect(unbroken("Taking 300 W at 30.00 ct/kWh")).toBe("Taking 300\u00a0W at 30.00\u00a0ct/kWh"));
});

describe("time", () => {
  it("shows the end of an interval over midnight", () => expect(span({ start: "2026-06-01T23:45:00Z", minutes: 15 })).toBe("23:45–00:00"));
  it("names an interval", () => expect([15, 30, 60, 5].map(period)).toEqual(["this quarter of an hour", "this half hour", "this hour", "these 5 minutes"]));
  it("is shown as an age in wall time", () => {
    expect(since("2026-06-01T10:00:00Z", "2026-06-01T10:03:00Z", 60)).toBe("3 s");
    expect(since("2026-06-01T10:00:01Z", "2026-06-01T10:00:00Z", 1)).toBe("0 s");
    expect(since("2026-06-01T10:00:00Z", "2026-06-01T10:00:01Z", 1, 7)).toBe("8 s");
    expect(since("2026-06-01T10:00:00Z", "2026-06-01T10:10:00Z", 1)).toBe("10 min");
  });
});

describe("a language", () => {
  const de = new Format("de", "Europe/Berlin", "EUR", german.units);
  const en = new Format("en", "Europe/Berlin", "EUR", english.units);
  it("has its numbers", () => {
    expect([de.price(184_000), de.energy(12_345), de.money(-12.5 * unit), de.about(4000), de.percent(927)]).toEqual(["18,40 ct/kWh", "12,35 kWh", "12,50 EUR", "weniger als 1 ct", "92,7 %"]);
    expect([en.price(184_000), en.energy(12_345), en.money(-12.5 * unit), en.about(4000), en.percent(927)]).toEqual(["18.40 ct/kWh", "12.35 kWh", "12.50 EUR", "less than 1 ct", "92.7 %"]);
  });
  it("has the unit of the greater energy for both", () => {
    expect([en.energy(105, 1000), en.energy(105, 999), en.energy(12_345, 2e6), en.energy(-105, -83_590)]).toEqual(["0.11 kWh", "105 Wh", "12 kWh", "0.11 kWh"]);
  });
  it("has a decimal of a share where it says something", () => expect([1000, 5, 927, 0].map((n) => en.percent(n))).toEqual(["100 %", "0.5 %", "92.7 %", "0 %"]));
  it("has its days, by the clocks of the site", () => {
    expect([de.day("2026-05-31T22:30:00Z"), de.clock("2026-05-31T22:30:00Z"), de.named(), de.period(15)]).toEqual(["Montag, 1. Juni", "00:30", "Ortszeit von Europe/Berlin", "diese Viertelstunde"]);
    expect([en.day("2026-05-31T22:30:00Z"), en.clock("2026-05-31T22:30:00Z"), en.named()]).toEqual(["Monday 1 June", "00:30", "local time of Europe/Berlin"]);
  });
});
