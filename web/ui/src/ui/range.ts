// A range of calendar days, by the clocks of the site: what all history on a page is shown of.
import { computed, signal } from "@preact/signals";
import { instant, wall } from "./zone";

/** Unit is how long a range is. */
export type Unit = "day" | "week" | "month" | "year" | "free";

export const units: Unit[] = ["day", "week", "month", "year", "free"];

/** Days are the calendar days from one up to another that is not of them, each as 2026-06-01. */
export interface Days {
  from: string;
  until: string;
}

/** Step is the length of what is shown of a range. */
export type Step = "5m" | "15m" | "1h" | "1d" | "1mo";

const dayLength = 86_400_000; // ms, of UTC, in which days are counted

const text = (ms: number) => new Date(ms).toISOString().slice(0, 10);
const number = (day: string) => Date.parse(`${day}T00:00:00Z`);

/** isDay tells whether a text is a calendar day. */
export function isDay(day: string): boolean {
  const ms = number(day);
  return !Number.isNaN(ms) && text(ms) === day;
}

/** added is the day so many days later. */
export function added(day: string, days: number): string {
  return text(number(day) + days * dayLength);
}

/** count is how many days a range has. */
export function count(days: Days): number {
  return Math.round((number(days.until) - number(days.from)) / dayLength);
}

/** around is the range of a unit that has a day in it; weeks begin on Monday. */
export function around(unit: Exclude<Unit, "free">, day: string): Days {
  const at = new Date(number(day));
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
  switch (unit) {
    case "day":
      return { from: day, until: added(day, 1) };
    case "week": {
      const monday = added(day, -((at.getUTCDay() + 6) % 7));
      return { from: monday, until: added(monday, 7) };
    }
    case "month":
      return { from: text(Date.UTC(year, month, 1)), until: text(Date.UTC(year, month + 1, 1)) };
    case "year":
      return { from: text(Date.UTC(year, 0, 1)), until: text(Date.UTC(year + 1, 0, 1)) };
  }
}

/** moved is the range before (−1) or after (+1) one. */
export function moved(unit: Unit, days: Days, by: 1 | -1): Days {
  if (unit === "free") {
    const length = count(days) * by;
    return { from: added(days.from, length), until: added(days.until, length) };
  }
  return around(unit, by > 0 ? days.until : added(days.from, -1));
}

/** stepOf is in which steps a range is shown. */
export function stepOf(days: Days): Step {
  const n = count(days);
  if (n <= 1) return "5m";
  if (n <= 3) return "15m";
  if (n <= 9) return "1h";
  return n <= 100 ? "1d" : "1mo";
}

/** today is the day of a time by the clocks of a zone. */
export function today(time: string, zone: string): string {
  return wall(Date.parse(time), zone).slice(0, 10);
}

/** instants are the moments at which a range begins and ends in a zone. */
export function instants(days: Days, zone: string): { from: string; to: string } {
  return { from: instant(`${days.from}T00:00`, zone) ?? "", to: instant(`${days.until}T00:00`, zone) ?? "" };
}

/** Range is the range that somebody looks at, for everything on a page that shows history. */
export class Range {
  readonly unit = signal<Unit>("day");
  readonly days;
  readonly compare = signal(false);
  readonly step = computed(() => stepOf(this.days.value));

  constructor(day: string) {
    this.days = signal<Days>(around("day", day));
  }

  /** choose looks at another length of time; it has the day in it at which the last one began, or the last day of it that is not to come. */
  choose(unit: Unit, now: string): void {
    this.unit.value = unit;
    if (unit === "free") return;
    const { from, until } = this.days.value;
    this.days.value = around(unit, from <= now && now < until ? now : from);
  }

  /** move looks at the time before (−1) or after (+1). */
  move(by: 1 | -1): void {
    this.days.value = moved(this.unit.value, this.days.value, by);
  }

  /** now looks at the time that has a day in it. */
  now(day: string): void {
    const unit = this.unit.value === "free" ? "day" : this.unit.value;
    this.unit.value = unit;
    this.days.value = around(unit, day);
  }

  /** set looks from one day to another, which is the last of them; days that are none, or in the wrong order, change nothing. */
  set(first: string, last: string): void {
    if (!isDay(first) || !isDay(last) || last < first) return;
    this.unit.value = "free";
    this.days.value = { from: first, until: added(last, 1) };
  }

  /** before is the range to compare with. */
  before(): Days {
    return moved(this.unit.value, this.days.value, -1);
  }
}
