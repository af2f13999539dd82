// Where the lines and bands of a plan are drawn. A panel has its own scale; time goes from left to right in all of them alike.
import type { Schemas } from "../../ui/api";
import { wall } from "../../ui/zone";

export type Step = Schemas["PlanStep"];
export type Band = Schemas["PlanBand"];

const hour = 3_600_000; // ms
const day = 24 * hour;

/** end is when a step is over, in ms. */
export function end(s: Step): number {
  return Date.parse(s.start) + s.minutes * 60_000;
}

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

/** across is the scale of time over the steps. */
export function across(steps: Step[], box: Box): Scale {
  const from = Date.parse(steps[0]!.start);
  const to = end(steps[steps.length - 1]!);
  return { from, to, at: (t) => box.left + ((t - from) / (to - from)) * box.width };
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

/** watts is the mean power of an energy over a step. */
export function power(wh: number, s: Step): number {
  return (wh * 60) / s.minutes;
}

/** stairs is the path of a value that is the same over each step. */
export function stairs(steps: Step[], x: Scale, y: Scale, value: (s: Step) => number): string {
  return steps.map((s, k) => `${k === 0 ? "M" : "L"}${point(x.at(Date.parse(s.start)), y.at(value(s)))}L${point(x.at(end(s)), y.at(value(s)))}`).join("");
}

/** area is the path around what lies between two values over each step. */
export function area(steps: Step[], x: Scale, y: Scale, band: (s: Step) => [low: number, high: number]): string {
  const back = [...steps].reverse().map((s) => `L${point(x.at(end(s)), y.at(band(s)[0]))}L${point(x.at(Date.parse(s.start)), y.at(band(s)[0]))}`);
  return `${stairs(steps, x, y, (s) => band(s)[1])}${back.join("")}Z`;
}

/** line is the path of a value at the end of each step that has one. */
export function line(steps: Step[], x: Scale, y: Scale, value: (s: Step) => number | undefined): string {
  const known = steps.flatMap((s) => {
    const v = value(s);
    return v === undefined ? [] : [[end(s), v] as const];
  });
  return known.map(([t, v], k) => `${k === 0 ? "M" : "L"}${point(x.at(t), y.at(v))}`).join("");
}

/** ribbon is the path around a band at the ends of the steps that have one. */
export function ribbon(steps: Step[], x: Scale, y: Scale, band: (s: Step) => Band | undefined): string {
  const known = steps.filter((s) => band(s));
  if (known.length < 2) return "";
  const back = [...known].reverse().map((s) => `L${point(x.at(end(s)), y.at(band(s)!.low))}`);
  return `${line(known, x, y, (s) => band(s)!.high)}${back.join("")}Z`;
}

function point(x: number, y: number): string {
  return `${x.toFixed(1)},${y.toFixed(1)}`;
}

/** Mark is a time that is marked: each so many hours by the clocks of the zone; the date where a day begins. */
export interface Mark {
  at: number;
  hour: string;
  midnight: boolean;
}

/** marks are the times to mark: at 0, 6, 12 and 18 o'clock, or at fewer of them where there is little room. */
export function marks(x: Scale, zone: string, width: number): Mark[] {
  const every = [3, 6, 12, 24].find((n) => width / ((x.to - x.from) / (n * hour)) >= 42) ?? 24;
  const all: Mark[] = [];
  for (let t = Math.ceil(x.from / (hour / 4)) * (hour / 4); t <= x.to; t += hour / 4) {
    const shown = wall(t, zone).slice(11);
    const [h, m] = shown.split(":").map(Number);
    if (m !== 0 || h! % every !== 0 || all.some((other) => other.hour === shown && t - other.at < day / 2)) continue;
    all.push({ at: t, hour: shown, midnight: h === 0 });
  }
  return all;
}
