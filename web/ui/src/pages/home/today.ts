import { clock, count, money, smallest } from "../../ui/english";
import type { Home } from "../../ui/state";

type Today = Home["today"];

/** Words say an amount: what it is, how much, and what belongs to it. */
export interface Words {
  label: string;
  value: string;
  note: string;
}

/** today says what the day came to so far, against what it would have been without neighbours, and what of it is estimated. */
export function today(t: Today, currency: string): Words {
  if (t.intervals === 0) return { label: "Today", value: "–", note: "no interval is settled yet today" };
  const turned = Math.abs(t.without) >= smallest(currency) / 2 && t.without < 0 !== t.net < 0; // it earns where it would have spent, or the other way round
  const beside = turned ? t.without : t.net - t.without;
  return {
    label: t.net < 0 ? "Spent today" : "Earned today",
    value: `${t.estimated > 0 ? "about " : ""}${money(t.net, currency, beside)}`,
    note: [turned ? turnedRound(t, currency) : compared(t, currency), settled(t)].join("; "),
  };
}

function turnedRound(t: Today, currency: string): string {
  return `would have ${t.net < 0 ? "earned" : "spent"} ${roughly(t)}${money(t.without, currency, t.net)} without neighbours`;
}

/** compared says how the day differs from one without neighbours, which both spend or both earn. */
function compared(t: Today, currency: string): string {
  if (t.net === t.without) return `${roughly(t)}the same as without neighbours`;
  const difference = Math.abs(t.net - t.without);
  if (difference < smallest(currency) / 2) return "about the same as without neighbours";
  return `${roughly(t)}${money(difference, currency, t.net)} ${Math.abs(t.net) < Math.abs(t.without) ? "less" : "more"} than without neighbours`;
}

/** roughly marks an amount of which something is estimated. */
function roughly(t: Today): string {
  return t.without_estimated || t.estimated > 0 ? "about " : "";
}

/** settled counts the intervals, and says since when where that is not midnight, as on the first day. */
function settled(t: Today): string {
  const begun = t.since === undefined || clock(t.since) === "00:00" ? "" : ` since ${clock(t.since)}`;
  const counted = `${count(t.intervals, "settled interval")}${begun}`;
  if (t.estimated > 0) return `${counted}, of which ${t.estimated} ${t.estimated === 1 ? "is estimated until its meter answers" : "are estimated until their meter answers"}`;
  return t.without_estimated ? `${counted}; what it would be without neighbours is an estimate` : counted;
}
