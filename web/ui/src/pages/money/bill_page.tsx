// One bill: its lines with their formula, what it would have been otherwise, and each line
// down to its intervals and postings.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import { Actions, type Props, state } from "./bills_page";
import { type Bill, type Content, type Day, days, type Interval, type Posting, sections, type Sum } from "./bills";
import { begin, end, type Sums as Say, useSums } from "./format";

type All = Props & { bill: Bill };

export function BillPage(props: All) {
  const { bills, work, bill } = props;
  const { summary: s, content: c } = bill;
  const busy = work.busy.value !== "";
  const sums = useSums();
  const w = sums.words.bills;
  return (
    <>
      <p class="actions">
        <button onClick={() => bills.close()}>{w.back}</button>
        <button disabled={busy} onClick={() => void bills.print(s)}>
          {w.pdf}
        </button>
        <Actions b={s} bills={bills} work={work} />
      </p>
      <h1 id="bill">
        {w.title(s.credit_of ? "credit" : s.state === "draft" ? "draft" : "bill", s.state === "draft" ? "" : s.id, s.name ?? s.member, s.period, c.total < 0, sums.amount(c.total, c.currency, c.digits))}
      </h1>
      <p>
        {w.stateIs(state(s, sums))} {c.previous ? `${w.previous(c.previous)} ` : ""}
        {w.worded}
      </p>
      {c.points.map((p) => (
        <Point key={p.metering_point} {...props} point={p} />
      ))}
      {bills.line.value && <Opened {...props} />}
      <Sums {...props} c={c} />
      <Compared c={c} />
      {s.hash && (
        <section>
          <h2>{w.ledger}</h2>
          <p>{w.hash}</p>
          <pre>{s.hash}</pre>
        </section>
      )}
    </>
  );
}

function Point({ point, bill, bills, work }: All & { point: Content["points"][number] }) {
  const c = bill.content;
  const sums = useSums();
  const { shared } = useSpeech();
  const w = sums.words.bills;
  const heads: Column<Sum & { text: string; formula: string }>[] = [
    { title: w.for, cell: (l) => <Named text={l.text} formula={l.formula} /> },
    { title: sums.words.energy, number: true, cell: (l) => (l.energy === 0 ? "" : sums.kwh(l.energy)) },
    { title: w.mean(sums.unit(c.currency)), number: true, cell: (l) => (l.price === 0 ? "" : sums.priceIn(l.price, c.currency)) },
    { title: w.theMember, number: true, cell: (l) => sums.worded(l.amount, c.currency, c.digits) },
    {
      title: w.opensTo,
      cell: (l) => (
        <button
          class="link"
          disabled={work.busy.value !== ""}
          onClick={() => void bills.openLine({ point: point.metering_point, kind: l.kind, correction: false, text: l.text, formula: l.formula })}
        >
          {shared.intervals(l.intervals)}
        </button>
      ),
    },
  ];
  return (
    <section>
      <h2>
        {point.metering_point}: {(point.tariffs ?? []).join(", ")}
      </h2>
      <p>
        {w.metered(point.intervals, sums.kwh(point.metered.import), sums.kwh(point.metered.export), point.estimated ?? 0)}
      </p>
      {sections(point.lines ?? [], named(bill.words, sums)).map((section) => (
        <Table narrow="cards" key={section.name} caption={section.name} columns={heads} rows={section.lines.map((l) => ({ ...l.line, text: l.text, formula: l.formula }))} keyOf={(l) => l.kind} />
      ))}
      {(point.lines ?? []).length === 0 && <p>{w.nothing}</p>}
      {point.components && point.components.length > 0 && (
        <p>
          {w.components(point.components.map((x) => `${sums.component(x.name)} ${sums.worded(x.amount, c.currency, c.digits, sums.words.of.utility)}`).join(", "))}
        </p>
      )}
    </section>
  );
}

function Named({ text, formula }: { text: string; formula: string }) {
  return (
    <>
      {text}
      <small>{formula}</small>
    </>
  );
}

interface Row {
  name: ComponentChildren;
  amount: number;
  strong?: boolean;
}

function Sums({ c, bill, bills, work }: All & { c: Content }) {
  const sums = useSums();
  const { shared } = useSpeech();
  const w = sums.words.bills;
  const words = new Map(named(bill.words, sums).map((x) => [x.kind, x]));
  const correction = (l: Sum) => {
    const text = words.get(l.kind)?.text ?? l.kind;
    return (
      <>
        {w.correction((l.months ?? []).join(", "), l.metering_point ?? "", text)}{" "}
        <button
          class="link"
          disabled={work.busy.value !== ""}
          onClick={() => void bills.openLine({ point: l.metering_point ?? "", kind: l.kind, correction: true, text, formula: words.get(l.kind)?.formula ?? "" })}
        >
          {shared.intervals(l.intervals)}
        </button>
      </>
    );
  };
  const rows: Row[] = [
    { name: w.allLines, amount: c.energy },
    ...(c.corrections ?? []).map((l) => ({ name: correction(l), amount: l.amount })),
    ...(c.others ?? []).map((p) => ({ name: `${sums.words.fund.reasons[p.reason] ?? p.reason} ${p.reference}`, amount: p.amount })),
    ...(c.standing ?? []).map((s) => ({ name: w.standing(s.component, s.metering_point, s.days, sums.named(s.from)), amount: s.amount })),
    ...(c.vat ?? []).filter((v) => !v.included).map((v) => ({ name: w.vat(sums.percent(v.rate), sums.amount(v.base, c.currency, c.digits)), amount: v.amount })),
    ...(c.rounding ? [{ name: w.rounding(sums.exactly(c.rounding, c.currency)), amount: c.rounding }] : []),
    { name: w.sumTotal, amount: c.total, strong: true },
    ...(c.brought ? [{ name: w.brought, amount: c.brought }] : []),
    ...(c.payments ?? []).map((p) => ({ name: w.payment(p.reference), amount: p.amount })),
    { name: w.due, amount: c.due, strong: true },
  ];
  const columns: Column<Row>[] = [
    { title: w.sum, cell: (r) => (r.strong ? <strong>{r.name}</strong> : r.name) },
    { title: w.theMember, number: true, cell: (r) => (r.strong ? <strong>{sums.worded(r.amount, c.currency, c.digits)}</strong> : sums.worded(r.amount, c.currency, c.digits)) },
  ];
  return (
    <section>
      <h2>{w.sums}</h2>
      <Table class="wraps" id="sums" columns={columns} rows={rows} keyOf={(r) => rows.indexOf(r)} />
      {(c.vat ?? [])
        .filter((v) => v.included)
        .map((v) => (
          <p key={v.rate}>
            {w.contained(sums.percent(v.rate), sums.amount(v.amount, c.currency, c.digits))}
          </p>
        ))}
      {(c.rewards ?? []).map((r) => (
        <p key={r.device}>
          {w.reward(r.device, r.tokens)}
        </p>
      ))}
    </section>
  );
}

type Alternative = NonNullable<Content["compared"]>[number];

function Compared({ c }: { c: Content }) {
  const all = c.compared ?? [];
  const own = all[0];
  const sums = useSums();
  const w = sums.words.bills;
  if (!own) return null;
  const columns: Column<Alternative>[] = [
    { title: w.same, cell: (a) => <Named {...otherwise(a, sums)} /> },
    { title: w.theMember, number: true, cell: (a) => sums.worded(a.amount, c.currency, c.digits) },
    { title: w.thisBill, number: true, cell: (a) => (a === own ? "" : sums.worded(own.amount - a.amount, c.currency, c.digits, sums.words.of.more)) },
  ];
  return (
    <section>
      <h2>{w.otherwise}</h2>
      <Table narrow="cards" id="compared" columns={columns} rows={all} keyOf={(a) => a.name} />
    </section>
  );
}

/** otherwise is what an alternative is called and how it is reckoned, in the language of the page. */
export function otherwise(a: Alternative, { words }: Say): { text: string; formula: string } {
  const w = words.bills;
  const tariff = /^under the tariff (.*)$/.exec(a.name)?.[1];
  const known = tariff === undefined ? w.compared[a.name] : w.anotherTariff(tariff);
  const [name, method] = known ?? [a.name, a.method];
  return { text: a.estimated ? w.estimate(name) : name, formula: known && a.estimated && tariff === undefined ? method + w.byBattery : method };
}

/** named are the words of a bill's lines in the language of the page; what it does not know is said as the bill says it. */
export function named(all: Bill["words"], { words }: Say): Bill["words"] {
  const w = words.bills;
  return all.map((x) => {
    const [text, formula] = w.kinds[x.kind] ?? [words.fund.reasons[x.kind] ?? x.text, x.formula];
    return { ...x, section: w.sections[x.section] ?? x.section, text, formula };
  });
}

/** Opened shows the intervals of a line by local day, and the postings of one of them. */
function Opened({ bill, bills, work }: All) {
  const c = bill.content;
  const line = bills.line.value;
  const sums = useSums();
  const w = sums.words.bills;
  const all = days(bills.intervals.value ?? [], c.zone);
  if (!line) return null;
  return (
    <section id="opened">
      <h2>
        {line.point}: {line.text}
      </h2>
      <p class="actions">
        <span>{line.formula}</span>
        <button onClick={() => bills.unopen()}>{w.close}</button>
      </p>
      {bills.postings.value && <Postings all={bills.postings.value} interval={bills.interval.value} point={line.point} c={c} />}
      {all.map((d) => (
        <Folded key={d.date} summary={ofDay(d, c, sums)} open={all.length === 1}>
          {() => (
            <Table narrow="cards" columns={quarters(sums, c, (i) => void bills.openInterval(i), work.busy.value !== "")} rows={d.intervals} keyOf={(i) => i.interval} mark={(i) => (i.interval === bills.interval.value ? "own" : undefined)} />
          )}
        </Folded>
      ))}
    </section>
  );
}

/** Folded shows what it has once it is opened: a month has thousands of rows. */
function Folded({ summary, open, children }: { summary: string; open: boolean; children: () => ComponentChildren }) {
  const [shown, show] = useState(open);
  return (
    <details open={open} onToggle={(e) => show(shown || e.currentTarget.open)}>
      <summary>{summary}</summary>
      {shown && children()}
    </details>
  );
}

function ofDay(d: Day, c: Content, sums: Say): string {
  return `${sums.named(d.date)}: ${sums.kwh(d.energy)}, ${sums.exactly(d.amount, c.currency)}`;
}

function quarters(sums: Say, c: Content, open: (interval: string) => void, busy: boolean): Column<Interval>[] {
  const { words, format } = sums;
  const w = words.bills;
  return [
    { title: words.localTime, cell: (i) => sums.times(begin(i.interval), end(i.interval), c.zone) },
    { title: words.energy, number: true, cell: (i) => (i.energy < 0 ? w.takenBack(`${format.number(-i.energy)} Wh`) : `${format.number(i.energy)} Wh`) },
    { title: w.theMember, number: true, cell: (i) => sums.exactly(i.amount, c.currency) },
    { title: w.value, cell: (i) => w.qualities[i.quality] ?? i.quality },
    { title: w.run, number: true, cell: (i) => i.run },
    {
      title: w.opensTo,
      cell: (i) => (
        <button class="link" disabled={busy} onClick={() => open(i.interval)}>
          {w.itsPostings}
        </button>
      ),
    },
  ];
}

function Postings({ all, interval, point, c }: { all: Posting[]; interval: string; point: string; c: Content }) {
  const own = c.points.find((p) => p.metering_point === point)?.account;
  const sums = useSums();
  const { words, format } = sums;
  const w = words.bills;
  const party = (account: string) => (account === own ? point : <code>{account}</code>);
  const columns: Column<Posting>[] = [
    { title: w.leaf, number: true, cell: (p) => p.leaf },
    { title: w.reason, prose: true, cell: (p) => p.reason },
    { title: w.pays, cell: (p) => party(p.debit) },
    { title: w.gets, cell: (p) => party(p.credit) },
    { title: w.amount, number: true, cell: (p) => sums.exact(p.amount, c.currency) },
    { title: words.energy, number: true, cell: (p) => `${format.number(Math.abs(p.energy))} Wh` },
    { title: w.id, cell: (p) => <code>{p.id}</code> },
  ];
  return (
    <>
      <h3>{w.postingsOf(point, `${sums.dated(begin(interval), c.zone)} ${sums.times(begin(interval), end(interval), c.zone)}, ${format.as(c.zone, c.currency).named()}`)}</h3>
      {all.length === 0 ? (
        <p>{w.ownEnergy}</p>
      ) : (
        <>
          <Table id="postings" columns={columns} rows={all} keyOf={(p) => p.leaf} />
          <p>{w.proven}</p>
          <pre>commonwatt ledger show --id ID</pre>
        </>
      )}
    </>
  );
}
