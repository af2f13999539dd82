// What the measures of the community say, in words.
import { told } from "../../ui/api";
import { wall } from "../../ui/zone";
import type { Measures, Skill } from "./plans";
import type { Say } from "./say";

const hour = 3_600_000; // ms

/** Said is a measure: what it is, how much, and what that means. */
export interface Said {
  label: string;
  value: string;
  note: string;
  /** how is the formula. */
  how: string;
}

/** said are the measures that are known. */
export function said(m: Measures, { words, format }: Say): Said[] {
  const { measures: w } = words;
  const all: Said[] = [];
  const say = <T>(known: T | undefined, is: { label: string; note?: string; how: string }, value: (known: T) => string, note = is.note ?? "") => {
    if (known !== undefined) all.push({ label: is.label, value: value(known), note, how: is.how });
  };
  const amount = (n: number) => format.money(n);
  const bill = (n: number) => (n < 0 ? w.earned : w.spent)(amount(n));
  const share = (perMille: number) => format.percent(perMille);
  say(m.sharing_share, w.shared, share);
  say(m.foresight_share, w.gain, share);
  say(m.welfare_share, w.market, share);
  const without = m.bill_without;
  if (without !== undefined) {
    const others = [w.bills.alone(bill(without)), m.bill_rule_based !== undefined && w.bills.byRule(bill(m.bill_rule_based)), m.bill_by_key !== undefined && w.bills.byKey(bill(m.bill_by_key))];
    say(m.bill, w.bills, bill, others.filter((text) => text !== false).join(", "));
  }
  const least = m.worst_member;
  say(m.worse_off, w.worseOff, (n) => w.of(n, m.members), least === undefined ? w.worseOff.note : w.worseOff.least(least < 0, amount(least)));
  say(m.imbalance, w.imbalance, (wh) => format.energy(wh));
  const of = m.best_response_until;
  const ago = of && m.until ? Math.floor((Date.parse(m.until) - Date.parse(of)) / hour) : 0;
  say(m.best_response, { label: w.bestResponse.label, how: w.bestResponse.how }, (n) => amount(Math.max(n, 0)), of ? w.bestResponse.note(`${wall(Date.parse(of), format.zone).replace("T", " ")} ${format.zone}`, ago) : "");
  say(m.skill, w.forecast, share);
  say(m.cycles, w.cycles, (n) => format.number(n / 1000, 2));
  say(m.deadlines, w.cars, (n) => w.of(n - (m.missed_deadlines ?? 0), n));
  return all;
}

/** unknown names the measures that are missing, each with the reason that the community gives. */
export function unknown(m: Measures, { words, format }: Say): { label: string; reason: string }[] {
  const w = words.measures;
  const labels: Record<string, string> = { welfare_share: w.market.label, foresight_share: w.gain.label, bill_rule_based: w.byRule, best_response: w.bestResponse.label, skill: w.forecast.label, deadlines: w.cars.label };
  return (m.unknown ?? []).map((u) => ({ label: labels[u.measure] ?? u.measure, reason: told(u.said, u.reason, format.language) }));
}

/** counted says of which time the measures are. */
export function counted(m: Measures, { words, format }: Say): string {
  if (!m.from || !m.until || m.intervals === 0) return words.measures.none;
  const at = (time: string) => wall(Date.parse(time), format.zone).replace("T", " ");
  return words.measures.counted(m.intervals, at(m.from), at(m.until), format.zone);
}

/** forecastOf says what a series is of. */
export function forecastOf(s: Skill["series"][number], { words }: Say): string {
  return words.skill.of[s.of] ?? s.of;
}
