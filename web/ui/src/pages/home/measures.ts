// What the measures of the community say, in words.
import { clock, count, energy, money } from "../../ui/english";
import type { Measures, Skill } from "./plans";

/** Said is a measure: what it is, how much, and what that means. */
export interface Said {
  label: string;
  value: string;
  note: string;
}

/** percent shows a share of a thousand, with a decimal where it has one. */
export function percent(perMille: number): string {
  return `${(perMille / 10).toFixed(perMille % 10 === 0 ? 0 : 1)} %`;
}

/** said are the measures that are known. */
export function said(m: Measures, currency: string): Said[] {
  const all: Said[] = [];
  const say = <T>(known: T | undefined, label: string, value: (known: T) => string, note: string) => {
    if (known !== undefined) all.push({ label, value: value(known), note });
  };
  const amount = (n: number) => money(n, currency);
  say(m.sharing_share, "Shared", percent, "of the energy that members could have shared, by what was metered");
  say(m.foresight_share, "Gain", percent, "of what perfect foresight would have gained over everybody alone");
  say(m.welfare_share, "Market", percent, "of what the same orders were worth at best");
  const without = m.bill_without;
  say(
    without === undefined ? undefined : m.bill,
    "All bills together",
    (bill) => `${amount(bill)} ${bill < 0 ? "earned" : "spent"}`,
    without === undefined ? "" : `would have been ${amount(without)} ${without < 0 ? "earned" : "spent"} each alone${others(m, amount)}`,
  );
  say(m.worse_off, "Worse off", (n) => `${n} of ${m.members}`, worst(m, amount));
  say(m.imbalance, "Imbalance", energy, "flowed otherwise than it was traded");
  say(m.best_response, "Best response", amount, "is the most that one member could have gained by bidding otherwise");
  say(m.skill, "Forecast", percent, "of the error of taking yesterday's values, mean over the homes; less is better");
  say(m.cycles, "Battery cycles", (n) => (n / 1000).toFixed(2), "full cycles of a battery in the last day, mean");
  say(m.deadlines, "Cars ready in time", (n) => `${n - (m.missed_deadlines ?? 0)} of ${n}`, "of the times that could be met");
  return all;
}

/** unknown names the measures that are missing, each with its reason. */
export function unknown(m: Measures): { label: string; reason: string }[] {
  const labels: Record<string, string> = {
    welfare_share: "Market",
    foresight_share: "Gain",
    bill_rule_based: "Bills with batteries by rule",
    best_response: "Best response",
    skill: "Forecast",
    deadlines: "Cars ready in time",
  };
  return (m.unknown ?? []).map((u) => ({ label: labels[u.measure] ?? u.measure, reason: u.reason }));
}

function others(m: Measures, amount: (n: number) => string): string {
  const say = (n: number | undefined, how: string) => (n === undefined ? "" : `, ${amount(n)} ${n < 0 ? "earned" : "spent"} ${how}`);
  return say(m.bill_rule_based, "with batteries by rule") + say(m.bill_by_key, "by an allocation key");
}

function worst(m: Measures, amount: (n: number) => string): string {
  if (m.worst_member === undefined) return "members pay more than they would alone";
  return `members pay more than they would alone; who gained least ${m.worst_member < 0 ? "lost" : "gained"} ${amount(m.worst_member)}`;
}

/** counted says of which time the measures are. */
export function counted(m: Measures): string {
  if (!m.from || !m.until || m.intervals === 0) return "No interval is settled yet, so that there is nothing to measure.";
  return `Measured over ${count(m.intervals, "settled interval")} from ${m.from.slice(0, 10)} ${clock(m.from)} to ${m.until.slice(0, 10)} ${clock(m.until)} UTC, in sums alone.`;
}

/** forecastOf says what a series is of. */
export function forecastOf(s: Skill["series"][number]): string {
  return { load: "What the home uses", pv: "What the roof gives", net: "What the connection meter counts" }[s.of] ?? s.of;
}
