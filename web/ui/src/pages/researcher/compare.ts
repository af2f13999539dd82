// Runs side by side: their figures with what they differ by, and their intervals laid over each other.
import type { Format } from "../../ui/format";
import type { Point, Result } from "./lab";

/** Kind is what a figure is: energy in Wh, money and price in millionths, a share in per mille, or a number. */
type Kind = "energy" | "money" | "price" | "share" | "count";

/** figures are those of summary.json that are compared, with their kinds (docs/replay.md). */
export const figures = {
  net: "money",
  "without.net": "money",
  retail_only: "money",
  mean_price: "price",
  produced: "energy",
  consumed: "energy",
  imported: "energy",
  exported: "energy",
  traded: "energy",
  pool_energy: "energy",
  key_energy: "energy",
  imbalance_energy: "energy",
  self_sufficiency: "share",
  self_consumption: "share",
  local_share: "share",
  welfare_share: "share",
  perfect_sharing_share: "share",
  foresight_share: "share",
  members_worse_off: "count",
  battery_cycles: "count",
  missed_deadlines: "count",
  trades: "count",
  orders: "count",
} as const satisfies Record<string, Kind>;

export type FigureName = keyof typeof figures;

/** Row is a figure of each run, and what each has more than the first; undefined where it is not known. */
export interface Row {
  name: FigureName;
  values: (number | undefined)[];
  more: (number | undefined)[];
}

/** rows are the figures that at least one of the runs has. */
export function rows(results: Result[]): Row[] {
  return (Object.keys(figures) as FigureName[])
    .map((name) => {
      const values = results.map((r) => value(r.summary, name));
      const first = values[0];
      return { name, values, more: values.map((v) => (v === undefined || first === undefined ? undefined : v - first)) };
    })
    .filter((row) => row.values.some((v) => v !== undefined));
}

/** value is a figure of a summary, by its path. */
function value(summary: unknown, path: string): number | undefined {
  let at = summary;
  for (const part of path.split(".")) at = typeof at === "object" && at !== null ? (at as Record<string, unknown>)[part] : undefined;
  return typeof at === "number" ? at : undefined;
}

/** shown is a figure with its unit, which is that of the one beside it where that is more, and, where it can be less than nothing, its sign. */
export function shown(name: FigureName, n: number, format: Format, beside = 0): string {
  const sign = n < 0 ? "−" : "";
  switch (figures[name]) {
    case "energy":
      return sign + format.energy(n, beside);
    case "money":
      return (n > 0 ? "+" : sign) + format.money(n, 1e8);
    case "price":
      return format.price(n);
    case "share":
      return format.percent(n).replace("-", "−");
    default:
      return name === "battery_cycles" ? format.number(n / 1000, 2) : format.number(n);
  }
}

/** difference is how much more a figure is, with its sign, in the unit of the figure beside it; of shares in percentage points. */
export function difference(name: FigureName, n: number, format: Format, beside = 0): string {
  const size = shown(name, Math.abs(n), format, beside).replace(/^\+/, "");
  const text = figures[name] === "share" ? size.replace("%", "pp") : size;
  if (n === 0) return "=";
  return (n > 0 ? "+" : "−") + text;
}

/** Laid is an interval of all runs. */
export interface Laid {
  start: number; // ms
  end: number;
  points: (Point | undefined)[];
}

/** laid lays intervals over each other: by their place after the first one, so that another month can be compared. */
export function laid(results: Result[]): Laid[] {
  const [first] = results;
  const lead = first?.points ?? [];
  const length = Math.max(0, ...results.map((r) => r.points?.length ?? 0));
  const begin = lead[0] ? Date.parse(lead[0].start) : 0;
  const minutes = lead[0]?.minutes ?? 15;
  return Array.from({ length }, (_, k) => {
    const start = begin + k * minutes * 60_000;
    return { start, end: start + minutes * 60_000, points: results.map((r) => r.points?.[k]) };
  });
}
