// The form of the limits: what stands in its fields, and what is sent of it.
import type { Format } from "../../ui/format";
import { instant, wall } from "../../ui/zone";
import type { Limits, Request } from "./plans";
import type { Say } from "./say";

/** Fields are what stands in the form, as it is typed. */
export interface Fields {
  reserve: string; // %
  floor: string; // in what prices are said in, a kWh
  ceiling: string;
  prefer: Limits["prefer"];
  zero_export: boolean;
  away_until: string; // by the clocks of the community
  cars: CarFields[];
}

export interface CarFields {
  charger: string;
  ready_by: string; // empty: no time
  target: string; // %
}

/** Wrong says what is wrong, by the name of the field as in Problem. */
export type Wrong = Partial<Record<string, string>>;

/** unit is what prices are typed in, and how many millionths it has. */
export function unit(format: Format): { name: string; millionths: number } {
  const name = format.price(0).replace(/^\S+ /, "");
  return { name, millionths: name === `${format.currency}/kWh` ? 1e6 : 1e4 };
}

/** usual is the charge that is proposed for a car without one, in %. */
const usual = "80";

/** fields are those of limits that are set. */
export function fields(l: Limits, format: Format): Fields {
  const per = unit(format).millionths;
  const typed = (millionths: number | undefined) => (millionths === undefined ? "" : String(millionths / per));
  return {
    reserve: String(l.reserve / 10),
    floor: typed(l.floor),
    ceiling: typed(l.ceiling),
    prefer: l.prefer,
    zero_export: l.zero_export,
    away_until: l.away_until ? wall(Date.parse(l.away_until), l.zone) : "",
    cars: l.chargers.map((charger) => {
      const car = l.cars.find((c) => c.charger === charger);
      return { charger, ready_by: car?.ready_by ?? "", target: car ? String(car.target / 10) : usual };
    }),
  };
}

/** request is what is sent of the fields, or what is wrong with them; the community checks again. */
export function request(f: Fields, zone: string, { words, format }: Say): { sent?: Request; wrong: Wrong } {
  const wrong: Wrong = {};
  const says = words.limits.wrong;
  const number = (field: string, text: string, low: number, high: number, problem: string) => {
    const n = Number(text.trim().replace(",", "."));
    if (text.trim() === "" || Number.isNaN(n) || n < low || n > high) wrong[field] = problem;
    return n;
  };
  const sent: Request = { prefer: f.prefer, zero_export: f.zero_export };
  const { millionths, name } = unit(format);
  const most = 1e8 / millionths;
  if (f.reserve.trim() !== "") sent.reserve = Math.round(number("reserve", f.reserve, 0, 100, says.percent(0)) * 10);
  for (const field of ["floor", "ceiling"] as const) {
    if (f[field].trim() !== "") sent[field] = Math.round(number(field, f[field], -most, most, says.price(name)) * millionths);
  }
  if (f.away_until !== "") {
    sent.away_until = instant(f.away_until, zone);
    if (!sent.away_until) wrong.away_until = says.moment;
  }
  sent.cars = [];
  for (const { charger, ready_by, target } of f.cars) {
    if (ready_by === "") continue;
    const field = `cars[${sent.cars.length}]`;
    if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(ready_by)) wrong[`${field}.ready_by`] = says.time;
    sent.cars.push({ charger, ready_by, target: Math.round(number(`${field}.target`, target, 1, 100, says.percent(1)) * 10) });
  }
  return Object.keys(wrong).length > 0 ? { wrong } : { sent, wrong };
}

/** refused says at which field a refusal is, whose text begins with its path. */
export function refused(text: string): Wrong {
  const m = /^(reserve|floor|ceiling|prefer|zero_export|away_until|cars\[\d+\](?:\.\w+)?): (.*)$/s.exec(text);
  const field = m?.[1] ?? "";
  return { [/^cars\[\d+\]$/.test(field) ? `${field}.ready_by` : field]: capital(m?.[2] ?? text) };
}

function capital(text: string): string {
  const said = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(said) ? said : `${said}.`;
}

/** sentAs is the path of a car's field among those that are sent: cars without a time are not. */
export function sentAs(cars: CarFields[], k: number): string {
  return `cars[${cars.slice(0, k).filter((c) => c.ready_by !== "").length}]`;
}

/** preferenceWorth is the most that what is preferred may cost extra, in millionths of the currency unit per kWh (docs/homes.md). */
const preferenceWorth = 10_000;

/** explained says what each limit does; without any, one sentence says so. */
export function explained(l: Limits, { words, format }: Say): string[] {
  const w = words.limits;
  const all = [
    l.reserve > 0 && w.reserve.says(format.percent(l.reserve)),
    l.floor !== undefined && w.floor.says(format.price(l.floor)),
    l.ceiling !== undefined && w.ceiling.says(format.price(l.ceiling)),
    l.prefer === "neighbours" && w.prefer.saysNeighbours(format.price(preferenceWorth)),
    l.prefer === "solar" && w.prefer.saysSolar(format.price(preferenceWorth)),
    l.zero_export && w.zeroExport.says,
    l.away_until && w.away.says(`${format.day(l.away_until)} ${format.clock(l.away_until)}`),
    ...l.cars.map((c) => w.car.says(c.charger, format.percent(c.target), c.ready_by)),
  ].filter((text): text is string => typeof text === "string");
  return all.length > 0 ? all : [w.none];
}
