// Amounts as a bill has them: in whole minor units of the currency, positive, with a word
// for the direction, in the language of the page.
import { Format } from "../../ui/format";
import { useSpeech } from "../../ui/speech";
import type { Pair, Words } from "./words/en";

/** Sums say amounts, energies and times of the money's page. */
export class Sums {
  private readonly priced = new Map<string, Format>();
  private readonly placed = new Map<string, Format>();

  constructor(
    readonly format: Format,
    readonly words: Words,
  ) {}

  /** amount shows the size of millionths of the currency unit with so many decimals, rounded half away from zero. */
  amount(millionths: number, currency: string, digits: number): string {
    const unit = 10 ** (6 - digits);
    return `${this.format.number(Math.floor(Math.abs(millionths) / unit + 0.5) / 10 ** digits, digits)} ${currency}`;
  }

  /** exact shows the size of an amount to the last millionth. */
  exact(millionths: number, currency: string): string {
    return `${this.format.number(Math.abs(millionths) / 1e6, 6)} ${currency}`;
  }

  /** worded says an amount with the word for its direction; nothing has none. */
  worded(millionths: number, currency: string, digits: number, pair: Pair = this.words.of.member): string {
    const size = this.amount(millionths, currency, digits);
    return /[1-9]/.test(size) ? this.words.worded(size, pair[millionths < 0 ? 1 : 0]) : size;
  }

  /** exactly is worded to the last millionth. */
  exactly(millionths: number, currency: string, pair: Pair = this.words.of.member): string {
    return millionths === 0 ? this.exact(0, currency) : this.words.worded(this.exact(millionths, currency), pair[millionths < 0 ? 1 : 0]);
  }

  /** component names a part of a price. */
  component(name: string): string {
    return this.words.components[name] ?? name;
  }

  /** kwh shows energy in kWh with its Wh. */
  kwh(wh: number): string {
    return `${this.format.number(Math.abs(wh) / 1000, 3)} kWh`;
  }

  /** difference says how a value differs from another one. */
  difference(of: number, from: number): string {
    return of === from ? "–" : this.words.differs(this.kwh(of - from), of > from);
  }

  /** priceIn is a price without its unit, unit the unit of prices in the currency: for tables that say it once. */
  priceIn(millionths: number, currency: string): string {
    return this.of(currency).price(millionths).split(" ")[0] ?? "";
  }

  unit(currency: string): string {
    return this.of(currency).price(0).split(" ").slice(1).join(" ");
  }

  /** percent shows millionths as a percentage, with the decimals that it has. */
  percent(millionths: number): string {
    const text = String(Number((millionths / 1e4).toFixed(4)));
    return `${this.format.number(Number(text), text.split(".")[1]?.length ?? 0)} %`;
  }

  /** clock shows the time of day in a zone. */
  clock(time: string, zone: string): string {
    return this.in(zone).clock(time);
  }

  /** day shows the date with the day of the week in a zone. */
  day(time: string, zone: string): string {
    return this.in(zone).day(time);
  }

  /** times shows from when until when, in local time of one day; midnight at its end is 24:00. */
  times(from: string, until: string, zone: string): string {
    const end = this.clock(until, zone);
    return `${this.clock(from, zone)}–${end === "00:00" ? "24:00" : end}`;
  }

  /** dated shows a local date: in German as 1.6.2026. */
  dated(time: string, zone: string): string {
    return this.format.language === "en" ? date(time, zone) : this.in(zone).time({ day: "numeric", month: "numeric", year: "numeric" }, time);
  }

  /** named shows a date that is written as in 2026-06-01. */
  named(day: string): string {
    return this.dated(`${day}T12:00:00Z`, "UTC");
  }

  /** moment shows a local date and time. */
  moment(time: string, zone: string): string {
    return `${this.dated(time, zone)} ${this.clock(time, zone)}`;
  }

  /** fileSize is the size of a file for people. */
  fileSize(bytes: number): string {
    return bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${this.format.number(bytes / 1e6, 1)} MB`;
  }

  private of(currency: string): Format {
    return kept(this.priced, currency, () => this.format.as(this.format.zone, currency));
  }

  private in(zone: string): Format {
    return kept(this.placed, zone, () => this.format.as(zone, this.format.currency));
  }
}

function kept(all: Map<string, Format>, name: string, make: () => Format): Format {
  const known = all.get(name) ?? make();
  all.set(name, known);
  return known;
}

/** useSums is how a component says amounts. */
export function useSums(): Sums {
  const { format, words } = useSpeech<Words>();
  return new Sums(format, words);
}

/** date is a local date as programs write it, as in 2026-06-01. */
export function date(time: string, zone: string): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(new Date(time));
}

/** lastMonth is the local month before that of a time, as in 2026-05. */
export function lastMonth(time: string, zone: string): string {
  const [year = 0, month = 0] = date(time, zone).split("-").map(Number);
  return month === 1 ? `${year - 1}-12` : `${year}-${String(month - 1).padStart(2, "0")}`;
}

/** begin is when an interval begins that is written START/MINUTES, end when it is over. */
export function begin(interval: string): string {
  return interval.split("/")[0] ?? "";
}

export function end(interval: string): string {
  const [start = "", minutes = "0"] = interval.split("/");
  return new Date(Date.parse(start) + Number(minutes) * 60_000).toISOString();
}

/** csv writes a table as other programs read it; a text that a spreadsheet would take for a formula is marked as text. */
export function csv(rows: (string | number)[][]): string {
  return rows.map((r) => r.map(field).join(",")).join("\r\n") + "\r\n";
}

function field(v: string | number): string {
  if (typeof v === "number") return String(v);
  const text = /^[=+\-@\t\r]/.test(v) ? `'${v}` : v;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}
