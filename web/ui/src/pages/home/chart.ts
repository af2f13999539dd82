// Where the lines and bands of a plan are drawn. A panel has its own scale; time goes from left to right in all of them alike.
import type { Schemas } from "../../ui/api";
import { type Box, point, type Scale } from "../../ui/scale";

export type Step = Schemas["PlanStep"];
export type Band = Schemas["PlanBand"];

/** end is when a step is over, in ms. */
export function end(s: Step): number {
  return Date.parse(s.start) + s.minutes * 60_000;
}

/** across is the scale of time over the steps. */
export function across(steps: Step[], box: Box): Scale {
  const from = Date.parse(steps[0]!.start);
  const to = end(steps[steps.length - 1]!);
  return { from, to, at: (t) => box.left + ((t - from) / (to - from)) * box.width };
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
