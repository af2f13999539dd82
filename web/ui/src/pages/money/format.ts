// Amounts as a bill has them: in whole minor units of the currency, positive, with a word
// for the direction.
import { clock, price } from "../../ui/english";

const formats = new Map<number, Intl.NumberFormat>();

function decimal(n: number, digits: number): string {
  let f = formats.get(digits);
  if (!f) formats.set(digits, (f = new Intl.NumberFormat("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits })));
  return f.format(n);
}

/** amount shows the size of millionths of the currency unit with so many decimals, rounded half away from zero. */
export function amount(millionths: number, currency: string, digits: number): string {
  const unit = 10 ** (6 - digits);
  return `${decimal(Math.floor(Math.abs(millionths) / unit + 0.5) / 10 ** digits, digits)} ${currency}`;
}

/** exact shows the size of an amount to the last millionth. */
export function exact(millionths: number, currency: string): string {
  return `${decimal(Math.abs(millionths) / 1e6, 6)} ${currency}`;
}

/** Words are said of an amount that comes in for who is meant, and of one that goes out. */
export type Words = readonly [incoming: string, outgoing: string];

/** member, fund and more are such words. */
export const member: Words = ["gets", "pays"];
export const fund: Words = ["came in:", "went out:"];
export const more: Words = ["better by", "worse by"];

/** worded says an amount with the word for its direction; nothing has none. */
export function worded(millionths: number, currency: string, digits: number, words: Words = member): string {
  const size = amount(millionths, currency, digits);
  return /[1-9]/.test(size) ? `${millionths < 0 ? words[1] : words[0]} ${size}` : size;
}

/** exactly is worded to the last millionth. */
export function exactly(millionths: number, currency: string, words: Words = member): string {
  return millionths === 0 ? exact(0, currency) : `${millionths < 0 ? words[1] : words[0]} ${exact(millionths, currency)}`;
}

/** kwh shows energy in kWh with its Wh. */
export function kwh(wh: number): string {
  return `${decimal(Math.abs(wh) / 1000, 3)} kWh`;
}

/** difference says how a value differs from another one. */
export function difference(of: number, from: number): string {
  return of === from ? "–" : `${decimal(Math.abs(of - from) / 1000, 3)} kWh ${of > from ? "more" : "less"}`;
}

/** priceIn is a price without its unit, unit the unit of prices in the currency: for tables that say it once. */
export function priceIn(millionths: number, currency: string): string {
  return price(millionths, currency).split(" ")[0] ?? "";
}

export function unit(currency: string): string {
  return price(0, currency).split(" ").slice(1).join(" ");
}

/** percent shows millionths as a percentage, with the decimals that it has. */
export function percent(millionths: number): string {
  return `${Number((millionths / 1e4).toFixed(4))} %`;
}

/** times shows from when until when, in local time of one day; midnight at its end is 24:00. */
export function times(from: string, until: string, zone: string): string {
  const end = clock(until, zone);
  return `${clock(from, zone)}–${end === "00:00" ? "24:00" : end}`;
}

/** date shows a local date, as in 2026-06-01. */
export function date(time: string, zone: string): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(new Date(time));
}

/** moment shows a local date and time. */
export function moment(time: string, zone: string): string {
  return `${date(time, zone)} ${clock(time, zone)}`;
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

/** fileSize is the size of a file for people. */
export function fileSize(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
