import type { Home } from "../../ui/state";
import type { Say } from "./say";

type Today = Home["today"];

/** Amount says an amount: what it is, how much, and what belongs to it. */
export interface Amount {
  label: string;
  value: string;
  note: string;
}

/** today says what the day came to so far, against what it would have been without neighbours, and what of it is estimated. */
export function today(t: Today, say: Say): Amount {
  const { words, format } = say;
  if (t.intervals === 0) return { label: words.today.label, value: "–", note: words.today.none };
  const turned = Math.abs(t.without) >= format.smallest() / 2 && t.without < 0 !== t.net < 0; // it earns where it would have spent, or the other way round
  const value = format.money(t.net, turned ? t.without : t.net - t.without);
  return {
    label: t.net < 0 ? words.today.spent : words.today.earned,
    value: t.estimated > 0 ? words.today.about(value) : value,
    note: [turned ? turnedRound(t, say) : compared(t, say), settled(t, say)].join("; "),
  };
}

function turnedRound(t: Today, say: Say): string {
  const { today: w } = say.words;
  return (t.net < 0 ? w.wouldEarn : w.wouldSpend)(roughly(t, say.format.money(t.without, t.net), say));
}

/** compared says how the day differs from one without neighbours, which both spend or both earn. */
function compared(t: Today, say: Say): string {
  const { today: w } = say.words;
  if (t.net === t.without) return roughly(t, w.same, say);
  const difference = Math.abs(t.net - t.without);
  if (difference < say.format.smallest() / 2) return w.aboutSame;
  return (Math.abs(t.net) < Math.abs(t.without) ? w.less : w.more)(roughly(t, say.format.money(difference, t.net), say));
}

/** roughly marks what is said of an amount of which something is estimated. */
function roughly(t: Today, text: string, say: Say): string {
  return t.without_estimated || t.estimated > 0 ? say.words.today.about(text) : text;
}

/** settled counts the intervals, and says since when where that is not midnight, as on the first day. */
function settled(t: Today, { words, format }: Say): string {
  const w = words.today;
  const begun = t.since === undefined ? "" : format.clock(t.since);
  const counted = begun === "" || begun === "00:00" ? w.settled(t.intervals) : w.since(w.settled(t.intervals), begun);
  if (t.estimated > 0) return w.estimated(counted, t.estimated);
  return t.without_estimated ? w.withoutEstimated(counted) : counted;
}
