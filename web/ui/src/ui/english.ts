// Numbers and times in English, for pages that have no words of their own yet.
import { Format } from "./format";
import { words } from "./words/en";

const plain = (zone = "UTC", currency = "EUR") => new Format("en", zone, currency, words.units);
const byCurrency = new Map<string, Format>();
const byZone = new Map<string, Format>();

function kept(all: Map<string, Format>, name: string, make: () => Format): Format {
  const known = all.get(name) ?? make();
  all.set(name, known);
  return known;
}

const of = (currency: string) => kept(byCurrency, currency, () => plain("UTC", currency));
const at = (zone = "UTC") => kept(byZone, zone, () => plain(zone));

/** watts shows a power in English. */
export function watts(w: number): string {
  return at().watts(w);
}

/** energy shows Wh below 1 kWh, then kWh with two decimals, in English. */
export function energy(wh: number): string {
  return at().energy(wh);
}

/** price shows a price in English. */
export function price(millionths: number, currency: string): string {
  return of(currency).price(millionths);
}

/** clock shows the time of day in a zone. */
export function clock(time: string, zone = "UTC"): string {
  return at(zone).clock(time);
}

/** day shows the date in a zone, in English. */
export function day(time: string, zone = "UTC"): string {
  return at(zone).day(time);
}

/** count shows a number of things in English. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** tokens shows a number of reward tokens in English. */
export function tokens(n: number): string {
  return count(n, "token");
}
