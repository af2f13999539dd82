// A metered value is corrected: what was metered and what counts, what the owner says instead and why, and what became of it.
import { useState } from "preact/hooks";
import { said } from "../../ui/api";
import { Field } from "../../ui/field";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import { begin, energy, intervalAt, type Objecting, type Objection, type Value } from "./objecting";
import type { Words } from "./words/en";

export function ObjectionsSection({ objecting, minutes }: { objecting: Objecting; minutes: number }) {
  const { objections: w } = useSpeech<Words>().words.own;
  const [failed, fail] = useState("");
  const all = objecting.all.value;
  if (!all) return null; // who looks does not own the home
  const tried = (what: Promise<void>) => void what.then(() => fail(""), (e: unknown) => fail(said(e)));
  return (
    <section id="objections" aria-labelledby="objections-heading">
      <h2 id="objections-heading">{w.heading}</h2>
      <p class="hint">{w.hint}</p>
      <Ask objecting={objecting} minutes={minutes} fail={fail} tried={tried} />
      {objecting.looked.value && <Found objecting={objecting} key={objecting.looked.value.interval} tried={tried} fail={fail} />}
      {(failed || objecting.failed.value) && (
        <p role="alert" class="refusal">
          {failed || objecting.failed.value}
        </p>
      )}
      {all.length > 0 && <Filed all={all} withdraw={(id) => tried(objecting.withdraw(id))} />}
    </section>
  );
}

interface Trying {
  objecting: Objecting;
  fail: (why: string) => void;
  tried: (what: Promise<void>) => void;
}

/** Ask asks for the interval that is meant. */
function Ask({ objecting, minutes, fail, tried }: Trying & { minutes: number }) {
  const { words, format } = useSpeech<Words>();
  const { objections: w } = words.own;
  return (
    <form
      class="fields"
      onSubmit={(e) => {
        e.preventDefault();
        const interval = intervalAt(String(new FormData(e.currentTarget).get("time")), format.zone, minutes);
        if (interval) tried(objecting.show(interval));
        else fail(w.noTime);
      }}
    >
      <Field id="objection-time" name="time" label={w.when} hint={format.named()}>
        {(at) => <input type="datetime-local" step={minutes * 60} required {...at} />}
      </Field>
      <button>{w.show}</button>
    </form>
  );
}

/** useSpan shows an interval with its day. */
function useSpan(): (interval: string) => string {
  const { format } = useSpeech();
  return (interval) => `${format.time({ day: "numeric", month: "short", year: "numeric" }, begin(interval).start)}, ${format.span(begin(interval))}`;
}

function Found({ objecting, tried, fail }: Trying) {
  const { objections: w } = useSpeech<Words>().words.own;
  const span = useSpan();
  const l = objecting.looked.value;
  if (!l) return null;
  if (l.points.length === 0) return <p>{w.nothing(span(l.interval))}</p>;
  return (
    <>
      {l.points.map((p, n) => (
        <Correct key={p.metering_point} of={p} n={n} title={w.of(p.metering_point, span(l.interval))} objecting={objecting} tried={tried} fail={fail} />
      ))}
    </>
  );
}

/** Correct says what was metered at a metering point, and takes what is right. */
function Correct({ of, n, title, objecting, tried, fail }: Trying & { of: Value; n: number; title: string }) {
  const { words } = useSpeech<Words>();
  const { objections: w } = words.own;
  const flow = useFlow();
  const send = (form: HTMLFormElement) => {
    const f = new FormData(form);
    const [taken, given] = [energy(String(f.get("import"))), energy(String(f.get("export")))];
    if (taken === undefined || given === undefined) return fail(w.whole);
    tried(objecting.object(of.metering_point, { import: taken, export: given }, String(f.get("reason"))));
  };
  return (
    <form
      class="fields correct"
      noValidate
      aria-label={title}
      onSubmit={(e) => {
        e.preventDefault();
        send(e.currentTarget);
      }}
    >
      <p>
        {title}: {w.metered(flow(of.metered_import, of.metered_export))} {w.counts(flow(of.import, of.export), w.qualities[of.quality] ?? of.quality)}
      </p>
      <Field id={`objection-import-${n}`} name="import" label={w.taken} after="Wh">
        {(at) => <input type="text" inputMode="numeric" defaultValue={String(of.import)} {...at} />}
      </Field>
      <Field id={`objection-export-${n}`} name="export" label={w.given} after="Wh">
        {(at) => <input type="text" inputMode="numeric" defaultValue={String(of.export)} {...at} />}
      </Field>
      <Field id={`objection-reason-${n}`} name="reason" label={w.reason}>
        {(at) => <input type="text" maxLength={500} {...at} />}
      </Field>
      <button>{w.send}</button>
    </form>
  );
}

/** useFlow says what was taken and given, never netted. */
function useFlow(): (taken: number, given: number) => string {
  const { words, format } = useSpeech<Words>();
  return (taken, given) => words.own.objections.flow(`${format.number(taken)} Wh`, `${format.number(given)} Wh`);
}

function Filed({ all, withdraw }: { all: Objection[]; withdraw: (id: number) => void }) {
  const { words, format } = useSpeech<Words>();
  const { objections: w } = words.own;
  const span = useSpan();
  const flow = useFlow();
  const columns: Column<Objection>[] = [
    { title: w.interval, cell: (o) => span(o.interval) },
    { title: w.original, prose: true, cell: (o) => flow(o.metered_import, o.metered_export) },
    { title: w.claimed, prose: true, cell: (o) => flow(o.import, o.export) },
    { title: w.reason, prose: true, cell: (o) => o.reason },
    { title: w.became, prose: true, cell: (o) => <Became o={o} at={(t) => format.time({ dateStyle: "medium", timeStyle: "short" }, t)} withdraw={withdraw} /> },
  ];
  return <Table id="filed" caption={w.filed} columns={columns} rows={all} keyOf={(o) => o.id} narrow="cards" />;
}

function Became({ o, at, withdraw }: { o: Objection; at: (time: string) => string; withdraw: (id: number) => void }) {
  const { objections: w } = useSpeech<Words>().words.own;
  if (o.state === "open") {
    return (
      <>
        {w.open}{" "}
        <button type="button" onClick={() => withdraw(o.id)}>
          {w.withdraw}
        </button>
      </>
    );
  }
  if (o.state === "withdrawn") return <>{w.withdrawn(at(o.decided ?? ""))}</>;
  const decided = w.decided(o.state === "accepted", w.roles[o.by ?? ""] ?? o.by ?? "", at(o.decided ?? ""), o.answer ?? "");
  return (
    <>
      {decided} {o.state === "accepted" && (o.settled ? w.settled(w.qualities[o.quality ?? ""] ?? "") : w.unsettled)}
    </>
  );
}
