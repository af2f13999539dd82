// Numbers, times and amounts for people: positive, with units; words carry the direction.
import type { Language } from "./words";

/** Units are the words that stand beside numbers. */
export interface Units {
  periods: Record<number, string>;
  minutes: (n: number) => string;
  lessThan: (amount: string) => string;
  about: (amount: string) => string;
  localTime: (zone: string) => string;
}

/** hundredths are the currencies in whose hundredths small amounts and prices of energy are said, with their sign. */
const hundredths: Record<string, string> = { CHF: "Rp.", EUR: "ct", GBP: "p", USD: "¢" };

/** whole are the currencies whose hundredths are on paper only. */
const whole = new Set(["AMD", "HUF", "IDR", "KZT", "RSD", "UZS"]);

/** locales are those whose numbers and dates a language has. */
const locales: Record<Language, string> = { en: "en-GB", de: "de-DE" };

/** digits tells the decimals of an amount in the currency. */
function digits(currency: string): number {
  if (whole.has(currency)) return 0;
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2; // three characters that are no currency
  }
}

/** Format shows things in a language, by the clocks of the site's zone and in its currency. */
export class Format {
  private readonly numbers = new Map<number, Intl.NumberFormat>();
  private readonly times = new Map<string, Intl.DateTimeFormat>();
  private readonly cent: string | undefined;
  private readonly digits: number;

  constructor(
    readonly language: Language,
    readonly zone: string,
    readonly currency: string,
    private readonly units: Units,
  ) {
    this.cent = hundredths[currency];
    this.digits = digits(currency);
  }

  /** as shows the same at another place. */
  as(zone: string, currency: string): Format {
    return new Format(this.language, zone, currency, this.units);
  }

  /** number shows so many decimals. */
  number(n: number, decimals = 0): string {
    let format = this.numbers.get(decimals);
    if (!format) {
      format = new Intl.NumberFormat(locales[this.language], { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
      this.numbers.set(decimals, format);
    }
    return format.format(n).replace("-", "−");
  }

  /** watts shows a power: W below 1 kW, then kW with two decimals. */
  watts(w: number): string {
    const size = Math.abs(w);
    return size < 1000 ? `${Math.round(size)} W` : `${this.number(size / 1000, 2)} kW`;
  }

  /**
   * energy shows Wh below 1 kWh, then kWh with two decimals, and none when there are very many;
   * in the unit of the energy that stands beside it, where that is more.
   */
  energy(wh: number, beside = 0): string {
    const size = Math.abs(wh);
    const greatest = Math.max(size, Math.abs(beside));
    if (greatest < 1000) return `${Math.round(size)} Wh`;
    return `${this.number(size / 1000, greatest < 1e6 ? 2 : 0)} kWh`;
  }

  /** wattHours shows Wh to the last one, as the ledger has them. */
  wattHours(wh: number): string {
    return `${this.number(Math.abs(wh))} Wh`;
  }

  /** price shows millionths of the currency unit per kWh, which may be negative, in what people of that currency say. */
  price(millionths: number): string {
    return this.cent ? `${this.number(millionths / 1e4, 2)} ${this.cent}/kWh` : `${this.number(millionths / 1e6, this.digits)} ${this.currency}/kWh`;
  }

  /**
   * money shows the size of millionths of the currency unit; hundredths when it
   * is little, and so is the amount that stands beside it.
   */
  money(millionths: number, beside = 0): string {
    const size = Math.abs(millionths);
    const little = Math.round(Math.max(size, Math.abs(beside)) / 1e4) < 100;
    return this.cent && little ? `${Math.round(size / 1e4)} ${this.cent}` : `${this.number(size / 1e6, this.digits)} ${this.currency}`;
  }

  /** smallest is the least amount that is shown and is not nothing. */
  smallest(): number {
    return this.cent ? 1e4 : 10 ** (6 - this.digits);
  }

  /** about shows an amount that is not exact; one too small to be shown is less than the smallest. */
  about(millionths: number): string {
    const least = this.smallest();
    return Math.abs(millionths) < least / 2 ? this.units.lessThan(this.money(least)) : this.units.about(this.money(millionths));
  }

  /** percent shows a share of a thousand, with a decimal where it has one. */
  percent(perMille: number): string {
    return `${this.number(perMille / 10, perMille % 10 === 0 ? 0 : 1)} %`;
  }

  /** full shows how full a battery is, from per mille: 100 % is said of one that takes no more. */
  full(perMille: number): string {
    return `${Math.floor(perMille / 10)} %`;
  }

  /** clock shows the time of day. */
  clock(time: string | number): string {
    return this.time({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }, time);
  }

  /** day shows the date with the day of the week. */
  day(time: string | number): string {
    return this.time({ weekday: "long", day: "numeric", month: "long" }, time);
  }

  /** time shows what the options ask for. */
  time(options: Intl.DateTimeFormatOptions, time: string | number): string {
    const name = JSON.stringify(options);
    let format = this.times.get(name);
    if (!format) {
      format = new Intl.DateTimeFormat(locales[this.language], { ...options, timeZone: this.zone });
      this.times.set(name, format);
    }
    return format.format(new Date(time));
  }

  /** span shows the start and end of a delivery interval. */
  span(interval: { start: string; minutes: number }): string {
    return `${this.clock(interval.start)}–${this.clock(Date.parse(interval.start) + interval.minutes * 60_000)}`;
  }

  /** period names the interval of so many minutes that is being delivered. */
  period(minutes: number): string {
    return this.units.periods[minutes] ?? this.units.minutes(minutes);
  }

  /** seconds shows a duration in wall time, minutes when it is long. */
  seconds(n: number): string {
    return n < 120 ? `${Math.round(n)} s` : `${Math.round(n / 60)} min`;
  }

  /** since shows how long before now a world time was, in wall time at that speed; now was so many seconds ago. */
  since(time: string, now: string, speed: number, ago = 0): string {
    return this.seconds(ago + Math.max(0, (Date.parse(now) - Date.parse(time)) / 1000 / speed));
  }

  /** named says by which clocks times are shown. */
  named(): string {
    return this.zone === "UTC" ? "UTC" : this.units.localTime(this.zone);
  }
}

/** unbroken keeps each number on one line with its unit. */
export function unbroken(text: string): string {
  return text.replace(/(\d) (?=\D)/g, "$1\u00a0");
}
