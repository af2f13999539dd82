// Numbers for people: positive, with units; words carry the direction.

/** watts shows a power: W below 1 kW, then kW with two decimals. */
export function watts(w: number): string {
  const size = Math.abs(w);
  return size < 1000 ? `${Math.round(size)} W` : `${(size / 1000).toFixed(2)} kW`;
}

/** energy shows Wh below 1 kWh, then kWh with two decimals. */
export function energy(wh: number): string {
  const size = Math.abs(wh);
  return size < 1000 ? `${size} Wh` : `${(size / 1000).toFixed(2)} kWh`;
}

/** hundredths are the currencies in whose hundredths small amounts and prices of energy are said, with their sign. */
const hundredths: Record<string, string> = { CHF: "Rp.", EUR: "ct", GBP: "p", USD: "¢" };

/** whole are the currencies whose hundredths are on paper only. */
const whole = new Set(["AMD", "HUF", "IDR", "KZT", "RSD", "UZS"]);

/** digits tells the decimals of an amount in the currency. */
function digits(currency: string): number {
  if (whole.has(currency)) return 0;
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2; // three characters that are no currency
  }
}

const numbers = new Map<string, Intl.NumberFormat>();

/** number shows as many decimals as amounts in the unit have. */
function number(n: number, unit: string, decimals: (unit: string) => number): string {
  let format = numbers.get(unit);
  if (!format) {
    const d = decimals(unit);
    format = new Intl.NumberFormat("en-GB", { minimumFractionDigits: d, maximumFractionDigits: d });
    numbers.set(unit, format);
  }
  return format.format(n).replace("-", "−");
}

/** price shows millionths of the currency unit per kWh, which may be negative, in what people of that currency say. */
export function price(millionths: number, currency: string): string {
  const cent = hundredths[currency];
  return cent ? `${number(millionths / 1e4, `${cent}/kWh`, () => 2)} ${cent}/kWh` : `${number(millionths / 1e6, currency, digits)} ${currency}/kWh`;
}

/**
 * money shows the size of millionths of the currency unit; hundredths when it
 * is little, and so is the amount that stands beside it.
 */
export function money(millionths: number, currency: string, beside = 0): string {
  const size = Math.abs(millionths);
  const cent = hundredths[currency];
  const little = Math.round(Math.max(size, Math.abs(beside)) / 1e4) < 100;
  return cent && little ? `${Math.round(size / 1e4)} ${cent}` : `${number(size / 1e6, currency, digits)} ${currency}`;
}

/** smallest is the least amount that is shown and is not nothing. */
export function smallest(currency: string): number {
  return hundredths[currency] ? 1e4 : 10 ** (6 - digits(currency));
}

/** about shows an amount that is not exact; one too small to be shown is less than the smallest. */
export function about(millionths: number, currency: string): string {
  const least = smallest(currency);
  return Math.abs(millionths) < least / 2 ? `less than ${money(least, currency)}` : `about ${money(millionths, currency)}`;
}

/** unbroken keeps each number on one line with its unit. */
export function unbroken(text: string): string {
  return text.replace(/(\d) (?=\D)/g, "$1\u00a0");
}

/** clock shows the time of day in the site's time zone. */
export function clock(time: string, zone = "UTC"): string {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone }).format(new Date(time));
}

/** day shows the date in the site's time zone. */
export function day(time: string, zone = "UTC"): string {
  return new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", timeZone: zone }).format(new Date(time));
}

/** span shows the start and end of a delivery interval. */
export function span(interval: { start: string; minutes: number }): string {
  const end = new Date(Date.parse(interval.start) + interval.minutes * 60_000).toISOString();
  return `${clock(interval.start)}–${clock(end)}`;
}

/** period names the interval of so many minutes that is being delivered. */
export function period(minutes: number): string {
  const names: Record<number, string> = { 15: "this quarter of an hour", 30: "this half hour", 60: "this hour" };
  return names[minutes] ?? `these ${minutes} minutes`;
}

/** seconds shows a duration in wall time, minutes when it is long. */
export function seconds(n: number): string {
  return n < 120 ? `${Math.round(n)} s` : `${Math.round(n / 60)} min`;
}

/** since shows how long before now a world time was, in wall time at that speed; now was so many seconds ago. */
export function since(time: string, now: string, speed: number, ago = 0): string {
  return seconds(ago + Math.max(0, (Date.parse(now) - Date.parse(time)) / 1000 / speed));
}

/** count shows a number of things. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** tokens shows a number of reward tokens. */
export function tokens(n: number): string {
  return count(n, "token");
}

/** full shows how full a battery is, from per mille: 100 % is said of one that takes no more. */
export function full(perMille: number): string {
  return `${Math.floor(perMille / 10)} %`;
}
