// The shapes of a chart.
import type { Series } from "./chart";
import { point, type Scale } from "./scale";

/** Drawn is what is drawn. */
export interface Drawn<P> {
  points: P[];
  series: Series<P>[];
  start: (p: P) => number;
  end: (p: P) => number;
}

/** Bar is one bar: of which series, from when to when, and between which values. */
export interface Bar {
  series: string;
  start: number;
  end: number;
  low: number;
  high: number;
  hatched: boolean;
}

/** bars stand upon each other: those that come in from the nothing upwards, those that go out from it downwards. */
export function bars<P>({ points, series, start, end }: Drawn<P>): Bar[] {
  const standing = series.filter((s) => s.kind === "bars");
  return points.flatMap((p) => {
    let [high, low] = [0, 0];
    return standing.flatMap((s): Bar[] => {
      const v = s.value(p);
      if (v === undefined || v === 0) return [];
      const at = { series: s.name, start: start(p), end: end(p), hatched: s.hatched ?? false };
      return s.down ? [{ ...at, high: low, low: (low -= v) }] : [{ ...at, low: high, high: (high += v) }];
    });
  });
}

/** outline is the path of a series that is no bars; where a value is not known, or nothing stands between two points, it is broken. */
export function outline<P>({ points, start, end }: Drawn<P>, s: Series<P>, x: Scale, y: Scale): string {
  let path = "";
  let last: number | undefined; // when the path was left
  for (const p of points) {
    const v = s.value(p);
    if (v === undefined) {
      last = undefined;
      continue;
    }
    const h = y.at(s.down ? -v : v);
    const step = last === start(p) ? "L" : "M";
    path += s.kind === "stairs" ? `${step}${point(x.at(start(p)), h)}L${point(x.at(end(p)), h)}` : `${step}${point(x.at((start(p) + end(p)) / 2), h)}`;
    last = end(p);
  }
  return path;
}
