// The bills of the own home, down to the postings on the ledger that prove them.
import { useState } from "preact/hooks";
import { said } from "../../ui/api";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import type { Bill, BillInterval, BillPosting, BillSummary, Past } from "./past";
import type { Words } from "./words/en";

export function BillsSection({ past }: { past: Past }) {
  const { words, format } = useSpeech<Words>();
  const { bills } = words.own;
  const [open, show] = useState("");
  const all = past.bills.value;
  const columns: Column<BillSummary>[] = [
    { title: bills.period, cell: (b) => format.time({ month: "long", year: "numeric", timeZone: "UTC" }, `${b.period}-15T12:00:00Z`) },
    { title: bills.number, cell: (b) => (b.credit_of ? bills.credit(b.id, b.credit_of) : b.id) },
    { title: bills.due, number: true, cell: (b) => bills.amount(format.money(b.due, 1e8), b.due < 0) },
    { title: bills.state, cell: (b) => bills.states[b.state as keyof typeof bills.states] ?? b.state },
    {
      cell: (b) => (
        <span class="actions">
          <a href={past.pdf(b.id)} download={`${b.id}.pdf`} aria-label={`${bills.pdf}: ${b.id}`}>
            {bills.pdf}
          </a>{" "}
          <button type="button" aria-expanded={open === b.id} onClick={() => show(open === b.id ? "" : b.id)}>
            {bills.lines}
          </button>
        </span>
      ),
    },
  ];
  return (
    <section id="bills" aria-labelledby="bills-heading">
      <h2 id="bills-heading">{bills.heading}</h2>
      {all?.length ? <Table id="own-bills" columns={columns} rows={all} keyOf={(b) => b.id} open={(b) => show(open === b.id ? "" : b.id)} narrow="cards" /> : <p class="hint">{all ? bills.none : bills.waiting}</p>}
      {open && <Opened key={open} id={open} past={past} />}
    </section>
  );
}

interface Line {
  point: string;
  kind: string;
  energy: number;
  price: number;
  amount: number;
  correction: boolean;
}

/** Content is what of a bill is shown here. */
interface Content {
  points: { metering_point: string; lines: Omit<Line, "point" | "correction">[] | null }[];
  corrections?: (Omit<Line, "point" | "correction"> & { metering_point: string })[];
}

/** linesOf are the lines of a bill: of its points, and the corrections of earlier months. */
export function linesOf(bill: Bill): Line[] {
  const content = bill.content as unknown as Content;
  return [
    ...content.points.flatMap((p) => (p.lines ?? []).map((l) => ({ ...l, point: p.metering_point, correction: false }))),
    ...(content.corrections ?? []).map((l) => ({ ...l, point: l.metering_point, correction: true })),
  ];
}

function Opened({ id, past }: { id: string; past: Past }) {
  const { words, format } = useSpeech<Words>();
  const { bills } = words.own;
  const [bill, setBill] = useState<Bill | null>(null);
  const [failed, fail] = useState("");
  const [line, setLine] = useState<Line | null>(null);
  const [asked, setAsked] = useState("");
  if (asked !== id) {
    setAsked(id);
    past.bill(id).then(setBill, (e: unknown) => fail(said(e)));
  }
  if (failed) return <p role="alert">{failed}</p>;
  if (!bill) return <p class="hint">{bills.waiting}</p>;
  const name = (kind: string) => bills.kinds[kind as keyof typeof bills.kinds] ?? bill.words.find((w) => w.kind === kind)?.text ?? kind;
  const columns: Column<Line>[] = [
    { title: bills.line, cell: (l) => `${name(l.kind)}${l.correction ? ` (${bills.correction})` : ""}` },
    { title: bills.point, cell: (l) => l.point },
    { title: bills.energy, number: true, of: (l) => l.energy, cell: (l, most) => format.energy(l.energy, most) },
    { title: bills.price, number: true, cell: (l) => (l.price ? format.price(l.price) : "–") },
    { title: bills.sum, number: true, cell: (l) => bills.amount(format.money(l.amount, 1e8), l.amount < 0) },
    {
      cell: (l) => (
        <button type="button" aria-label={`${bills.intervals}: ${name(l.kind)}`} onClick={() => setLine(l)}>
          {bills.intervals}
        </button>
      ),
    },
  ];
  return (
    <div class="opened">
      <Table caption={bills.linesOf(id)} columns={columns} rows={linesOf(bill)} keyOf={(l) => `${l.point} ${l.kind} ${l.correction}`} open={setLine} narrow="cards" />
      {bill.summary.hash && <p class="hint">{bills.hash(bill.summary.hash)}</p>}
      {line && <Intervals key={`${line.point} ${line.kind}`} id={id} line={line} name={name(line.kind)} past={past} />}
    </div>
  );
}

const few = 96; // intervals that are shown at first

function Intervals({ id, line, name, past }: { id: string; line: Line; name: string; past: Past }) {
  const { words, format } = useSpeech<Words>();
  const { bills } = words.own;
  const [all, setAll] = useState<BillInterval[] | null>(null);
  const [failed, fail] = useState("");
  const [proof, prove] = useState<{ interval: string; postings: BillPosting[] } | null>(null);
  const [shown, more] = useState(few);
  const [asked, setAsked] = useState(false);
  if (!asked) {
    setAsked(true);
    past.line(id, line.point, line.kind, line.correction).then(setAll, (e: unknown) => fail(said(e)));
  }
  const postings = (interval: string) => past.postings(id, line.point, interval).then((p) => prove({ interval, postings: p }), (e: unknown) => fail(said(e)));
  const span = (i: string) => {
    const [begin = "", minutes = "15"] = i.split("/");
    return `${format.day(begin)}, ${format.span({ start: begin, minutes: Number(minutes) })}`;
  };
  if (failed) return <p role="alert">{failed}</p>;
  if (!all) return <p class="hint">{bills.waiting}</p>;
  return (
    <>
      <Table
        caption={bills.intervalsOf(name)}
        columns={[
          { title: bills.interval, cell: (i) => span(i.interval) },
          { title: bills.energy, number: true, of: (i) => i.energy, cell: (i, most) => format.energy(i.energy, most) },
          { title: bills.sum, number: true, of: (i) => i.amount, cell: (i, most) => bills.amount(format.money(i.amount, most), i.amount < 0) },
          { title: bills.quality, cell: (i) => bills.qualities[i.quality as keyof typeof bills.qualities] ?? i.quality },
          {
            cell: (i) => (
              <button type="button" aria-label={`${bills.proof}: ${span(i.interval)}`} onClick={() => void postings(i.interval)}>
                {bills.proof}
              </button>
            ),
          },
        ]}
        rows={all.slice(0, shown)}
        keyOf={(i) => `${i.interval} ${i.run}`}
        open={(i) => void postings(i.interval)}
        narrow="cards"
      />
      {all.length > shown && (
        <button type="button" onClick={() => more(shown + few)}>
          {bills.more(all.length - shown)}
        </button>
      )}
      {proof && (
        <Table
          caption={bills.postingsOf(span(proof.interval))}
          columns={[
            { title: bills.leaf, number: true, cell: (p) => p.leaf },
            { title: bills.posting, cell: (p) => <code>{p.id}</code> },
            { title: bills.reason, prose: true, cell: (p) => p.reason },
            { title: bills.energy, number: true, of: (p) => p.energy, cell: (p, most) => format.energy(p.energy, most) },
            { title: bills.sum, number: true, of: (p) => p.amount, cell: (p, most) => format.money(p.amount, most) },
          ]}
          rows={proof.postings}
          keyOf={(p) => p.leaf}
        />
      )}
    </>
  );
}
