// What the postings that were found come to, by day or month.
import { Age } from "../../ui/age";
import { How } from "../../ui/figure";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import type { By, Finder, Totals } from "./finder";
import type { Words } from "./words/en";

type Sum = Totals["rows"][number];

export function Sums({ finder }: { finder: Finder }) {
  const { words, format } = useSpeech<Words>();
  const [t, found] = [finder.totals.value, finder.found.value];
  return (
    <section id="totals">
      <h2>{words.totals.title}</h2>
      <div class="choices" role="radiogroup" aria-label={words.totals.title}>
        {(["day", "month"] as const).map((by) => (
          <Choice key={by} by={by} finder={finder} />
        ))}
      </div>
      {t && <Rows t={t} />}
      {t && (
        <>
          <p class="hint" id="totals-age">
            {found && words.totals.under(format.number(found.size), format.number(found.blocks))} <Age at={finder.summed.value} />
          </p>
          <How of={words.totals.title}>
            <p>{words.totals.how}</p>
            <p>{words.totals.source(format.zone)}</p>
          </How>
        </>
      )}
    </section>
  );
}

function Choice({ by, finder }: { by: By; finder: Finder }) {
  const { totals } = useSpeech<Words>().words;
  return (
    <label class="choice">
      <input type="radio" name="by" checked={finder.by.value === by} onChange={() => void finder.sum(by)} />
      <span>{totals[by]}</span>
    </label>
  );
}

/** whole is what all rows come to. */
export function whole(rows: readonly Sum[]): Sum {
  const sum = { period: "", reason: "", postings: 0, amount: 0, energy: 0, received: 0, paid: 0 };
  for (const r of rows) {
    for (const name of ["postings", "amount", "energy", "received", "paid"] as const) sum[name] += r[name];
  }
  return sum;
}

/** reason is what postings are for, in words, with the ledger's own word, by which they are searched. */
function reason(of: string, words: Words) {
  const name = words.named[of];
  if (!name) return of;
  return (
    <span>
      {name} <small class="hint">{of}</small>
    </span>
  );
}

function Rows({ t }: { t: Totals }) {
  const { words, format } = useSpeech<Words>();
  const { totals, columns } = words;
  if (t.rows.length === 0) return <p>{totals.none}</p>;
  const sum = whole(t.rows);
  const isSum = (r: Sum) => r === sum;
  const day = (period: string) => (t.by === "day" ? format.time({ dateStyle: "medium" }, `${period}T12:00:00Z`) : format.time({ month: "long", year: "numeric" }, `${period}-15T12:00:00Z`));
  const own = t.words.some((w) => (w.accounts?.length ?? 0) > 0);
  const net = (r: Sum) => r.received - r.paid;
  const said = (n: number, most: number) => (n === 0 ? totals.even : n > 0 ? totals.receives(format.money(n, most)) : totals.pays(format.money(n, most)));
  const all: Column<Sum>[] = [
    { title: totals.period[t.by], cell: (r) => (isSum(r) ? totals.sum : r.period ? day(r.period) : totals.outside) },
    { title: columns.reason, cell: (r) => reason(r.reason, words) },
    { title: totals.postings, number: true, cell: (r) => format.number(r.postings) },
    { title: columns.energy, number: true, of: (r) => (isSum(r) ? 0 : r.energy), cell: (r, most) => (isSum(r) ? "" : r.energy < 0 ? words.back(format.energy(r.energy, most)) : format.energy(r.energy, most)) },
    { title: columns.amount, number: true, of: (r) => r.amount, cell: (r, most) => format.money(r.amount, most) },
  ];
  const theirs: Column<Sum>[] = [
    { title: totals.received, number: true, of: (r) => r.received, cell: (r, most) => format.money(r.received, most) },
    { title: totals.paid, number: true, of: (r) => r.paid, cell: (r, most) => format.money(r.paid, most) },
    { title: totals.net, number: true, of: net, cell: (r, most) => said(net(r), most) },
  ];
  return <Table id="sums" narrow="cards" columns={own ? [...all, ...theirs] : all} rows={[...t.rows, sum]} keyOf={(r) => `${r.period} ${r.reason}`} mark={(r) => (isSum(r) ? "total" : undefined)} />;
}
