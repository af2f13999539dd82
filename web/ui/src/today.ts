import { money } from "./format";
import type { Home } from "./state";

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
  const turned = t.without !== 0 && t.without < 0 !== t.net < 0; // it earns where it would have spent, or the other way round
  const beside = turned ? t.without : t.net - t.without;
  return {
    label: t.net < 0 ? "Spent today" : "Earned today",
    value: `${t.estimated > 0 ? "about " : ""}${money(t.net, currency, beside)}`,
    note: [compared(t, turned, money(beside, currency, t.net), money(0, currency, Math.max(Math.abs(t.net), Math.abs(beside)))), settled(t)].join("; "),
  };
}

/** compared says how the day differs from one without neighbours, in words of spending when both spend and of earning when both earn. */
function compared(t: Today, turned: boolean, amount: string, nothing: string): string {
  const about = t.without_estimated || t.estimated > 0 ? "about " : "";
  if (turned) return `would have ${t.net < 0 ? "earned" : "spent"} ${about}${amount} without neighbours`;
  if (amount === nothing) return `${about}the same as without neighbours`;
  const smaller = Math.abs(t.net) < Math.abs(t.without);
  return `${about}${amount} ${smaller ? "less" : "more"} than without neighbours`;
}

function settled(t: Today): string {
  const count = `${t.intervals} settled ${t.intervals === 1 ? "interval" : "intervals"}`;
  if (t.estimated > 0) return `${count}, of which ${t.estimated} ${t.estimated === 1 ? "is estimated until its meter answers" : "are estimated until their meter answers"}`;
  return t.without_estimated ? `${count}; what it would be without neighbours is an estimate` : count;
}
