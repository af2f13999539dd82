// Where things are drawn. A panel has its own scale upwards; time goes from left to right in all of them alike.
import { instant, wall } from "./zone";

const hour = 3_600_000; // ms
const day = 24 * hour;

/** Box is where a panel is, in pixels. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Scale turns values into pixels. */
export interface Scale {
  from: number;
  to: number;
  at: (value: number) => number;
}

/** nice is the step of round values of which a range has at most so many. */
export function nice(range: number, most: number): number {
  const least = Math.max(range, 1e-9) / most;
  const ten = 10 ** Math.floor(Math.log10(least));
  return ten * ([1, 2, 5].find((n) => n * ten >= least) ?? 10);
}

/** up is a scale of values upwards, from round to round value, and the values at which it is marked. */
export function up(values: number[], box: Box, most = 4): Scale & { marks: number[] } {
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  const by = nice(high - low || 1, most);
  const [from, to] = [Math.floor(low / by) * by, Math.max(Math.ceil(high / by), Math.floor(low / by) + 1) * by];
  const marks = Array.from({ length: Math.round((to - from) / by) + 1 }, (_, k) => from + k * by);
  return { from, to, marks, at: (v) => box.top + box.height - ((v - from) / (to - from)) * box.height };
}

/** point is a place in a path. */
export function point(x: number, y: number): string {
  return `${x.toFixed(1)},${y.toFixed(1)}`;
}

/** within is where the middle of a word of a time or an energy goes that belongs to a place, so that it does not stick out on the right of a drawing of that width. */
export function within(at: number, width: number): number {
  return Math.min(at, width - 28);
}

/** Mark is a time that is marked: by its hour; by the date where a day begins, with what of the date tells it apart. */
export interface Mark {
  at: number;
  hour: string;
  midnight: boolean;
  date: Intl.DateTimeFormatOptions;
}

const few = 3.5 * day; // of so much time hours are marked, and of more days or months
const many = 100 * day;

/** marks are the times to mark, by the clocks of the zone: hours, days or months, as there is room for them. */
export function marks(x: Pick<Scale, "from" | "to">, zone: string, width: number): Mark[] {
  const span = x.to - x.from;
  if (span <= few) return hours(x, zone, width);
  const all = beginnings(x, zone, span > many);
  const room = Math.max(1, Math.floor(width / 52));
  const each = [1, 2, 3, 7, 14, 28].find((n) => all.length / n <= room) ?? 28;
  const date: Intl.DateTimeFormatOptions = span <= 9 * day ? { weekday: "short" } : span <= many ? { day: "numeric", month: "short" } : { month: "short" };
  return all.filter((_, k) => k % each === 0).map((at) => ({ at, hour: "00:00", midnight: true, date }));
}

/** beginnings are when the days within begin, or the months. */
function beginnings(x: Pick<Scale, "from" | "to">, zone: string, months: boolean): number[] {
  const all: number[] = [];
  for (let noon = Date.parse(`${wall(x.from, zone).slice(0, 10)}T12:00:00Z`); noon < x.to + 2 * day; noon += day) {
    const date = new Date(noon).toISOString().slice(0, 10);
    if (!months || date.endsWith("-01")) all.push(Date.parse(instant(`${date}T00:00`, zone) ?? ""));
  }
  return all.filter((at) => x.from <= at && at <= x.to);
}

/** hours are marked at 0, 6, 12 and 18 o'clock, or at fewer of them where there is little room. */
function hours(x: Pick<Scale, "from" | "to">, zone: string, width: number): Mark[] {
  const every = [3, 6, 12, 24].find((n) => width / ((x.to - x.from) / (n * hour)) >= 42) ?? 24;
  const all: Mark[] = [];
  for (let t = Math.ceil(x.from / (hour / 4)) * (hour / 4); t <= x.to; t += hour / 4) {
    const shown = wall(t, zone).slice(11);
    const [h, m] = shown.split(":").map(Number);
    if (m !== 0 || h! % every !== 0 || all.some((other) => other.hour === shown && t - other.at < day / 2)) continue;
    all.push({ at: t, hour: shown, midnight: h === 0, date: { weekday: "short" } });
  }
  return all;
}
