// The grid operator's values: what was imported, and how both settlements of a month compare.
import { useEffect } from "preact/hooks";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import type { Files, Reconciliation, Values } from "./values";
import type { Words } from "./words/en";

interface Props {
  values: Values;
  /** member: who looks has signed in, and may see them. */
  member: boolean;
}

export function Official({ values, member }: Props) {
  const { values: words } = useSpeech<Words>().words;
  useEffect(() => {
    if (member) void values.read();
  }, [values, member]);
  const f = values.files.value;
  return (
    <section id="values">
      <h2>{words.title}</h2>
      {!member && <p>{words.signIn}</p>}
      {values.failed.value && (
        <p class="refusal" role="alert">
          {words.failed(values.failed.value)}
        </p>
      )}
      {f && <Imported f={f} />}
      {f && <Month values={values} />}
      {values.compared.value && <Both r={values.compared.value} />}
    </section>
  );
}

function Imported({ f }: { f: Files }) {
  const { words, format } = useSpeech<Words>();
  const { values } = words;
  const moment = (t: string) => format.time({ dateStyle: "medium", timeStyle: "short" }, t);
  const columns: Column<Files["files"][number]>[] = [
    { title: values.file, cell: (v) => `${v.name} (${v.format})` },
    { title: values.imported, cell: (v) => moment(v.imported) },
    { title: values.from, cell: (v) => moment(v.from) },
    { title: values.until, cell: (v) => moment(v.until) },
    { title: values.count, number: true, cell: (v) => format.number(v.values) },
    { title: values.changed, number: true, cell: (v) => format.number(v.changed) },
    { title: values.recorded, cell: (v) => (v.recorded ? values.yes : values.no) },
  ];
  return (
    <>
      <p>
        {values.bills[f.bills_by]} {f.waiting > 0 && values.waiting(f.waiting)}
      </p>
      {f.files.length === 0 ? <p>{values.noFile}</p> : <Table id="files" narrow="cards" columns={columns} rows={f.files} keyOf={(v) => v.digest} />}
    </>
  );
}

function Month({ values }: { values: Values }) {
  const { values: words } = useSpeech<Words>().words;
  return (
    <form
      class="fields"
      onSubmit={(e) => {
        e.preventDefault();
        void values.compare(String(new FormData(e.currentTarget).get("month")) || undefined);
      }}
    >
      <label>
        {words.month} <input name="month" type="month" />
      </label>
      <button>{words.show}</button>
    </form>
  );
}

function Both({ r }: { r: Reconciliation }) {
  const { words, format } = useSpeech<Words>();
  const { values } = words;
  const amount = (m: number, most: number) => (m === 0 ? values.same : m > 0 ? values.gets(format.money(m, most)) : values.owes(format.money(m, most)));
  const points: Column<Reconciliation["months"][number]>[] = [
    { title: values.point, cell: (m) => m.point },
    { title: values.signedIn, number: true, of: (m) => m.signed_import, cell: (m, most) => format.energy(m.signed_import, most) },
    { title: values.officialIn, number: true, of: (m) => m.official_import, cell: (m, most) => format.energy(m.official_import, most) },
    { title: values.signedOut, number: true, of: (m) => m.signed_export, cell: (m, most) => format.energy(m.signed_export, most) },
    { title: values.officialOut, number: true, of: (m) => m.official_export, cell: (m, most) => format.energy(m.official_export, most) },
    { title: values.differing, number: true, cell: (m) => format.number(m.differing) },
    { title: values.missing, number: true, cell: (m) => format.number(m.missing) },
  ];
  const money: Column<Reconciliation["money"][number]>[] = [
    { title: values.member, cell: (m) => m.member },
    { title: values.signed, number: true, of: (m) => m.signed, cell: (m, most) => amount(m.signed, most) },
    { title: values.official, number: true, of: (m) => m.official, cell: (m, most) => amount(m.official, most) },
    { title: values.difference, number: true, of: (m) => m.difference, cell: (m, most) => (m.difference === 0 ? values.same : m.difference > 0 ? values.more(format.money(m.difference, most)) : values.less(format.money(m.difference, most))) },
  ];
  return (
    <>
      <p>{values.compare(r.month, r.intervals)}</p>
      {r.months.length > 0 && <Table narrow="cards" columns={points} rows={r.months} keyOf={(m) => m.point} />}
      {r.money.length > 0 && <Table narrow="cards" columns={money} rows={r.money} keyOf={(m) => m.member} />}
    </>
  );
}
