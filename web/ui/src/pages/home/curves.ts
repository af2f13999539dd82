// The curves of supply and demand of an auction, as paths.
import type { Schemas } from "../../ui/api";
import { type Box, nice, point, type Scale, up } from "../../ui/scale";

export type CurveStep = Schemas["CurveStep"];

/** Level is a step of a curve from one energy to another, in Wh. */
export interface Level extends CurveStep {
  from: number;
  to: number;
}

/** levels puts the steps of a curve beside each other. */
export function levels(steps: CurveStep[]): Level[] {
  let sum = 0;
  return steps.map((s) => ({ ...s, from: sum, to: (sum += s.energy) }));
}

/** along is the scale of energy. What lies far beyond what traded is left out, so that the crossing is seen. */
export function along(supply: Level[], demand: Level[], volume: number, box: Box): Scale & { marks: number[] } {
  const end = (l: Level[]) => l[l.length - 1]?.to ?? 0;
  const least = Math.min(end(supply), end(demand));
  const all = Math.max(end(supply), end(demand), 1);
  const to = volume > 0 ? Math.min(all, Math.max(volume * 2.5, least)) : all;
  const by = nice(to, Math.max(1, Math.min(5, Math.floor(box.width / 90))));
  return { from: 0, to, at: (v) => box.left + (Math.min(v, to) / to) * box.width, marks: Array.from({ length: Math.floor(to / by) + 1 }, (_, k) => k * by) };
}

/** prices is the scale of prices over what is seen of the curves. */
export function prices(seen: Level[], price: number | undefined, box: Box): Scale & { marks: number[] } {
  return up([...seen.map((l) => l.price), price ?? 0], box);
}

/** stairs is the path of a curve: along each step, up or down to the next, and where it ends to what is beyond all prices that are seen. */
export function stairs(curve: Level[], x: Scale, y: Scale, beyond: number): string {
  const last = curve[curve.length - 1];
  const end = last && last.to < x.to ? `L${point(x.at(last.to), y.at(beyond))}` : "";
  return curve.map((l, k) => `${k === 0 ? "M" : "L"}${point(x.at(l.from), y.at(l.price))}L${point(x.at(l.to), y.at(l.price))}`).join("") + end;
}

/** meeting is how much traded at this place, which is as far as both curves go before they cross. */
export function meeting(supply: Level[], demand: Level[]): number {
  const filled = (l: Level[]) => l.reduce((sum, s) => sum + s.filled, 0);
  return Math.max(filled(supply), filled(demand));
}
