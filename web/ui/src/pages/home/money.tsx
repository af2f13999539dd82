// Money first: what today, this month and the last one came to, against without the community.
import { Figure } from "../../ui/figure";
import type { Format } from "../../ui/format";
import { useSpeech } from "../../ui/speech";
import type { Past, Sum } from "./past";
import type { Words } from "./words/en";

type Own = Words["own"];

export function MoneySection({ past }: { past: Past }) {
  const { words, format } = useSpeech<Words>();
  const { own } = words;
  const m = past.money.value;
  if (!m) return null;
  const until = m.settled_until ? own.money.until(`${format.day(m.settled_until)}, ${format.clock(m.settled_until)}`) : own.money.nothing;
  return (
    <section id="money" aria-labelledby="money-heading">
      <h2 id="money-heading">{own.money.heading}</h2>
      <div class="figures">
        <Amount id="money-today" label={own.money.today} sum={m.today} />
        <Amount id="money-month" label={own.money.month} sum={m.month} />
        <Amount id="money-last" label={own.money.last} sum={m.last_month} bill={m.last_month.bill} none={own.money.noneYet(lastDay(m.month.to, format))} />
      </div>
      <p class="hint">{until}</p>
    </section>
  );
}

/** lastDay is the last day of a time that is over at an instant. */
export function lastDay(to: string, format: Format): string {
  return format.time({ day: "numeric", month: "long" }, Date.parse(to) - 1);
}

interface OneProps {
  id: string;
  label: string;
  sum: Sum;
  bill?: string;
  /** none says why there is nothing. */
  none?: string;
}

function Amount({ id, label, sum, bill, none }: OneProps) {
  const { words, format } = useSpeech<Words>();
  const { own } = words;
  if (sum.intervals === 0) return <Figure id={id} label={label} value="–" note={none ?? own.money.none} />;
  const note = [against(sum, own, format), sum.provisional && !bill ? own.money.provisional : "", stored(sum, own, format), bill ? own.money.billed(bill) : ""].filter(Boolean).join("; ");
  return <Figure id={id} label={label} value={own.money.amount(format.money(sum.net), sum.net < 0)} note={note} how={<Formula sum={sum} />} />;
}

/** against says by how much a time was better or worse than it would have been without the community. */
export function against(sum: Sum, own: Own, format: Format): string {
  const least = format.smallest() / 2;
  if (Math.abs(sum.savings) < least) return own.money.same;
  return own.money.against(format.money(sum.savings, sum.net), sum.savings > 0, sum.without_estimated);
}

/** stored says how much more or less the batteries hold, where that is more than a trifle: it was paid or will be, and is in no amount. */
function stored({ stored: energy = 0 }: Sum, own: Own, format: Format): string {
  const trifle = 100; // Wh
  return Math.abs(energy) < trifle ? "" : own.money.stored(format.energy(Math.abs(energy)), energy > 0);
}

/** Formula is how an amount comes about, with its numbers. */
function Formula({ sum }: { sum: Sum }) {
  const { words, format } = useSpeech<Words>();
  const { money } = words.own;
  const size = (m: number) => format.money(m, 1e8);
  const less = (m: number) => (m < 0 ? size(m) : money.less(size(m)));
  const turned = (m: number) => money.amount(size(m), m < 0);
  const parts: [name: string, millionths: number, text: string][] = [
    [money.earned, sum.earned, size(sum.earned)],
    [money.spent, sum.spent, less(sum.spent)],
    [money.standing, sum.standing, less(sum.standing)],
    [money.vat, sum.vat, less(sum.vat)],
    [money.net, sum.net, turned(sum.net)],
    [sum.without_estimated ? money.withoutEstimated : money.without, sum.without, turned(sum.without)],
    [sum.savings < 0 ? money.worse : money.savings, sum.savings, size(sum.savings)],
  ];
  return (
    <>
      <dl class="sums">
        {parts
          .filter(([name, m]) => m !== 0 || name === money.net)
          .map(([name, , text]) => (
            <div key={name} class={name === money.net ? "total" : undefined}>
              <dt>{name}</dt>
              <dd>{text}</dd>
            </div>
          ))}
      </dl>
      {sum.provisional && <p>{money.soFar}</p>}
      <p>{money.method(sum.intervals, sum.estimated)}</p>
      <p>{money.source}</p>
    </>
  );
}
