// One bill: its lines with their formula, what it would have been otherwise, and each line
// down to its intervals and postings.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type Column, Table } from "../../ui/table";
import { Actions, type Props, state } from "./bills_page";
import { type Bill, type Content, type Day, days, type Interval, type Posting, sections, type Sum } from "./bills";
import { amount, begin, end, exact, exactly, kwh, more, percent, priceIn, times, unit, worded } from "./format";

type All = Props & { bill: Bill };

export function BillPage(props: All) {
  const { bills, work, bill } = props;
  const { summary: s, content: c } = bill;
  const busy = work.busy.value !== "";
  return (
    <>
      <p class="actions">
        <button onClick={() => bills.close()}>Back to the list</button>
        <button disabled={busy} onClick={() => void bills.print(s)}>
          PDF
        </button>
        <Actions b={s} bills={bills} work={work} />
      </p>
      <h1 id="bill">
        {s.credit_of ? "Credit note" : s.state === "draft" ? "Draft of a bill" : "Bill"} {s.state !== "draft" && s.id} for {s.name ?? s.member}, {s.period}: {c.total < 0 ? "to be paid" : "to be paid out"}{" "}
        {amount(c.total, c.currency, c.digits)}
      </h1>
      <p>
        State: {state(s)}. {c.previous ? `The bill before is ${c.previous}. ` : ""}Amounts are worded for the member.
      </p>
      {c.points.map((p) => (
        <Point key={p.metering_point} {...props} point={p} />
      ))}
      {bills.line.value && <Opened {...props} />}
      <Sums {...props} c={c} />
      <Compared c={c} />
      {s.hash && (
        <section>
          <h2>On the ledger</h2>
          <p>SHA-256 of salt and content:</p>
          <pre>{s.hash}</pre>
        </section>
      )}
    </>
  );
}

function Point({ point, bill, bills, work }: All & { point: Content["points"][number] }) {
  const c = bill.content;
  const heads: Column<Sum & { text: string; formula: string }>[] = [
    { title: "For", cell: (l) => <Named text={l.text} formula={l.formula} /> },
    { title: "Energy", number: true, cell: (l) => (l.energy === 0 ? "" : kwh(l.energy)) },
    { title: `Mean, ${unit(c.currency)}`, number: true, cell: (l) => (l.price === 0 ? "" : priceIn(l.price, c.currency)) },
    { title: "The member", number: true, cell: (l) => worded(l.amount, c.currency, c.digits) },
    {
      title: "Opens to",
      cell: (l) => (
        <button
          class="link"
          disabled={work.busy.value !== ""}
          onClick={() => void bills.openLine({ point: point.metering_point, kind: l.kind, correction: false, text: l.text, formula: l.formula })}
        >
          {l.intervals} {l.intervals === 1 ? "interval" : "intervals"}
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
        Metered in {point.intervals} intervals: {kwh(point.metered.import)} taken, {kwh(point.metered.export)} given
        {point.estimated ? `; ${point.estimated} are estimated` : ""}.
      </p>
      {sections(point.lines ?? [], bill.words).map((section) => (
        <Table narrow="cards" key={section.name} caption={section.name} columns={heads} rows={section.lines.map((l) => ({ ...l.line, text: l.text, formula: l.formula }))} keyOf={(l) => l.kind} />
      ))}
      {(point.lines ?? []).length === 0 && <p>Nothing was taken or given.</p>}
      {point.components && point.components.length > 0 && (
        <p>
          Of what was paid to and by the utility:{" "}
          {point.components.map((x) => `${x.name} ${worded(x.amount, c.currency, c.digits, ["got", "paid"])}`).join(", ")}.
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
  const words = new Map(bill.words.map((w) => [w.kind, w]));
  const correction = (l: Sum) => {
    const text = words.get(l.kind)?.text ?? l.kind;
    return (
      <>
        Correction of {(l.months ?? []).join(", ")}, {l.metering_point}: {text}{" "}
        <button
          class="link"
          disabled={work.busy.value !== ""}
          onClick={() => void bills.openLine({ point: l.metering_point ?? "", kind: l.kind, correction: true, text, formula: words.get(l.kind)?.formula ?? "" })}
        >
          {l.intervals} {l.intervals === 1 ? "interval" : "intervals"}
        </button>
      </>
    );
  };
  const rows: Row[] = [
    { name: "Energy and fees, all lines", amount: c.energy },
    ...(c.corrections ?? []).map((l) => ({ name: correction(l), amount: l.amount })),
    ...(c.others ?? []).map((p) => ({ name: `${p.reason} ${p.reference}`, amount: p.amount })),
    ...(c.standing ?? []).map((s) => ({ name: `${s.component} of ${s.metering_point}: ${s.days} ${s.days === 1 ? "day" : "days"} from ${s.from}`, amount: s.amount })),
    ...(c.vat ?? []).filter((v) => !v.included).map((v) => ({ name: `VAT ${percent(v.rate)} of ${amount(v.base, c.currency, c.digits)}`, amount: v.amount })),
    ...(c.rounding ? [{ name: `Rounding (exactly: ${exactly(c.rounding, c.currency)})`, amount: c.rounding }] : []),
    { name: "Total", amount: c.total, strong: true },
    ...(c.brought ? [{ name: "Brought forward", amount: c.brought }] : []),
    ...(c.payments ?? []).map((p) => ({ name: `Payment ${p.reference}`, amount: p.amount })),
    { name: "Due", amount: c.due, strong: true },
  ];
  const columns: Column<Row>[] = [
    { title: "Sum", cell: (r) => (r.strong ? <strong>{r.name}</strong> : r.name) },
    { title: "The member", number: true, cell: (r) => (r.strong ? <strong>{worded(r.amount, c.currency, c.digits)}</strong> : worded(r.amount, c.currency, c.digits)) },
  ];
  return (
    <section>
      <h2>Sums</h2>
      <Table class="wraps" id="sums" columns={columns} rows={rows} keyOf={(r) => rows.indexOf(r)} />
      {(c.vat ?? [])
        .filter((v) => v.included)
        .map((v) => (
          <p key={v.rate}>
            Contained: VAT {percent(v.rate)}, {amount(v.amount, c.currency, c.digits)}.
          </p>
        ))}
      {(c.rewards ?? []).map((r) => (
        <p key={r.device}>
          Reward of {r.device}: {r.tokens} tokens, which are not money.
        </p>
      ))}
    </section>
  );
}

type Alternative = NonNullable<Content["compared"]>[number];

function Compared({ c }: { c: Content }) {
  const all = c.compared ?? [];
  const own = all[0];
  if (!own) return null;
  const columns: Column<Alternative>[] = [
    { title: "The same month", cell: (a) => <Named text={a.name + (a.estimated ? " (estimate)" : "")} formula={a.method} /> },
    { title: "The member", number: true, cell: (a) => worded(a.amount, c.currency, c.digits) },
    { title: "This bill is", number: true, cell: (a) => (a === own ? "" : worded(own.amount - a.amount, c.currency, c.digits, more)) },
  ];
  return (
    <section>
      <h2>What the month would have cost otherwise</h2>
      <Table narrow="cards" id="compared" columns={columns} rows={all} keyOf={(a) => a.name} />
    </section>
  );
}

/** Opened shows the intervals of a line by local day, and the postings of one of them. */
function Opened({ bill, bills, work }: All) {
  const c = bill.content;
  const line = bills.line.value;
  const all = days(bills.intervals.value ?? [], c.zone);
  if (!line) return null;
  return (
    <section id="opened">
      <h2>
        {line.point}: {line.text}
      </h2>
      <p class="actions">
        <span>{line.formula}</span>
        <button onClick={() => bills.unopen()}>Close</button>
      </p>
      {bills.postings.value && <Postings all={bills.postings.value} interval={bills.interval.value} point={line.point} c={c} />}
      {all.map((d) => (
        <Folded key={d.date} summary={ofDay(d, c)} open={all.length === 1}>
          {() => (
            <Table narrow="cards" columns={quarters(c, (i) => void bills.openInterval(i), work.busy.value !== "")} rows={d.intervals} keyOf={(i) => i.interval} mark={(i) => (i.interval === bills.interval.value ? "own" : undefined)} />
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

function ofDay(d: Day, c: Content): string {
  return `${d.date}: ${kwh(d.energy)}, ${exactly(d.amount, c.currency)}`;
}

function quarters(c: Content, open: (interval: string) => void, busy: boolean): Column<Interval>[] {
  return [
    { title: "Local time", cell: (i) => times(begin(i.interval), end(i.interval), c.zone) },
    { title: "Energy", number: true, cell: (i) => `${Math.abs(i.energy)} Wh${i.energy < 0 ? " taken back" : ""}` },
    { title: "The member", number: true, cell: (i) => exactly(i.amount, c.currency) },
    { title: "Value", cell: (i) => i.quality },
    { title: "Run", number: true, cell: (i) => i.run },
    {
      title: "Opens to",
      cell: (i) => (
        <button class="link" disabled={busy} onClick={() => open(i.interval)}>
          its postings
        </button>
      ),
    },
  ];
}

function Postings({ all, interval, point, c }: { all: Posting[]; interval: string; point: string; c: Content }) {
  const own = c.points.find((p) => p.metering_point === point)?.account;
  const party = (account: string) => (account === own ? point : <code>{account}</code>);
  const columns: Column<Posting>[] = [
    { title: "Leaf of the log", number: true, cell: (p) => p.leaf },
    { title: "Reason", cell: (p) => p.reason },
    { title: "Pays", cell: (p) => party(p.debit) },
    { title: "Gets", cell: (p) => party(p.credit) },
    { title: "Amount", number: true, cell: (p) => exact(p.amount, c.currency) },
    { title: "Energy", number: true, cell: (p) => `${Math.abs(p.energy)} Wh` },
    { title: "Id", cell: (p) => <code>{p.id}</code> },
  ];
  return (
    <>
      <h3>Postings of {point} in {interval} (UTC)</h3>
      {all.length === 0 ? (
        <p>None: own energy has no price.</p>
      ) : (
        <>
          <Table id="postings" columns={columns} rows={all} keyOf={(p) => p.leaf} />
          <p>Each is proven by its place in the signed log, down to the signed readings, without trusting this page:</p>
          <pre>commonwatt ledger show --id ID</pre>
        </>
      )}
    </>
  );
}
