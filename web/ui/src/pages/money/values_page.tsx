// The grid operator's meter values: a file with its preview, what was imported, and both
// tables of a month.
import { count } from "../../ui/english";
import { type Column, Table } from "../../ui/table";
import { begin, difference, end, fileSize, kwh, lastMonth, member, moment, more, times, date, worded } from "./format";
import type { Tariffs } from "./store";
import { energyTable, type Import, moneyTable, ready, type Reconciliation, sum, type Files, type Values as Store } from "./values";
import { save, type Work } from "./work";

interface Props {
  values: Store;
  work: Work;
  site: Tariffs;
}

/** most is how many rows of a long table are shown; all of them are in its CSV. */
const most = 200;

export function Values(props: Props) {
  const { values } = props;
  const f = values.files.value;
  return (
    <>
      <h1>{f ? `This community bills by ${f.bills_by === "official" ? "the grid operator's values" : "its own signed values"}` : "Reading what was imported…"}</h1>
      <Choose {...props} />
      {values.seen.value && <Preview {...props} seen={values.seen.value} />}
      {f && <Imported f={f} zone={props.site.zone} />}
      <Compare {...props} />
      {values.compared.value && <Tables r={values.compared.value} site={props.site} />}
    </>
  );
}

function Choose({ values, work }: Props) {
  return (
    <section>
      <h2>Import a file</h2>
      <form
        class="fields"
        onSubmit={(e) => {
          e.preventDefault();
          const form = new FormData(e.currentTarget);
          const mapping = form.get("mapping") as File;
          void values.look({ file: form.get("file") as File, mapping: mapping.size > 0 ? mapping : undefined, format: String(form.get("format")) || undefined });
        }}
      >
        <label>
          File with meter values <input name="file" type="file" required />
        </label>
        <label>
          Mapping file, YAML (CSV needs one) <input name="mapping" type="file" accept=".yaml,.yml" />
        </label>
        <label>
          Format{" "}
          <select name="format">
            <option value="">found out</option>
            <option value="csv">CSV</option>
            <option value="ebutilities">ebUtilities (Austria)</option>
            <option value="sdat">SDAT-CH (Switzerland)</option>
            <option value="mscons">MSCONS (Germany)</option>
            <option value="espi">Green Button ESPI</option>
          </select>
        </label>
        <button disabled={work.busy.value !== ""}>Preview</button>
      </form>
      <p>Nothing is changed by a preview. A file is imported whole or not at all.</p>
    </section>
  );
}

function Preview({ values, work, seen, site }: Props & { seen: Import }) {
  const name = values.chosen.value?.file.name ?? "";
  return (
    <section id="preview">
      <h2>
        {name} ({fileSize(values.chosen.value?.file.size ?? 0)}): {verdict(seen)}
      </h2>
      {seen.from && (
        <p>
          {seen.format}: {count(seen.values, "value")} of {count(seen.points.length, "metering point")}, from {moment(seen.from, site.zone)} until {moment(seen.until ?? "", site.zone)}: {seen.new} new, {seen.changed} changed,{" "}
          {seen.same} as they are known. {seen.corrects ? "What changes is settled again." : "They are compared with the signed values, and bill nothing."}
        </p>
      )}
      {seen.problems.length > 0 && (
        <Table narrow="cards"
          id="problems"
          caption={`${count(seen.problems.length, "row")} that ${seen.problems.length === 1 ? "does" : "do"} not fit${cut(seen.problems.length)}`}
          columns={[
            { title: "Line", number: true, cell: (p) => p.line || "all" },
            { title: "Field", cell: (p) => p.field },
            { title: "What is wrong", cell: (p) => p.text },
          ]}
          rows={seen.problems.slice(0, most)}
          keyOf={(p) => `${p.line} ${p.field} ${p.text}`}
        />
      )}
      {seen.points.length > 0 && (
        <Table narrow="cards" id="points" caption="By metering point, against what was metered here in the same intervals" columns={points} rows={seen.points} keyOf={(p) => p.point} />
      )}
      {seen.changes.length > 0 && (
        <Table narrow="cards" caption={`Values that others take the place of${seen.changed > seen.changes.length ? ` (${seen.changes.length} of ${seen.changed})` : ""}`} columns={changes(site.zone)} rows={seen.changes.slice(0, most)} keyOf={(c) => `${c.point} ${c.time} ${c.code}`} />
      )}
      {seen.notes.length > 0 && (
        <ul>
          {seen.notes.slice(0, most).map((n) => (
            <li key={`${n.line} ${n.text}`}>
              {n.line > 0 && `Line ${n.line}: `}
              {n.text}
            </li>
          ))}
        </ul>
      )}
      {ready(seen) && (
        <button class="main" disabled={work.busy.value !== ""} onClick={() => void values.apply()}>
          Import {name}
        </button>
      )}
    </section>
  );
}

/** verdict says what a file that was looked at is good for. */
export function verdict(seen: Import): string {
  if (seen.problems.length > 0) return "it cannot be imported, nothing was changed";
  if (seen.already) return "it was imported before, nothing changes";
  return seen.applied ? "it is imported" : "it can be imported";
}

function cut(n: number): string {
  return n > most ? `, the first ${most}` : "";
}

const points: Column<Import["points"][number]>[] = [
  { title: "Metering point", cell: (p) => (p.source && p.source !== p.point ? `${p.point} (${p.source})` : p.point) },
  { title: "Values", number: true, cell: (p) => p.values },
  { title: "Taken, signed", number: true, cell: (p) => kwh(p.signed_import) },
  { title: "Taken, official", number: true, cell: (p) => kwh(p.official_import) },
  { title: "Official is", number: true, cell: (p) => difference(p.official_import, p.signed_import) },
  { title: "Given, signed", number: true, cell: (p) => kwh(p.signed_export) },
  { title: "Given, official", number: true, cell: (p) => kwh(p.official_export) },
  { title: "Official is", number: true, cell: (p) => difference(p.official_export, p.signed_export) },
];

const qualities: Record<number, string> = { 1: "measured", 2: "replaced", 3: "estimated" };

function changes(zone: string): Column<Import["changes"][number]>[] {
  return [
    { title: "Metering point", cell: (c) => c.point },
    { title: "Begin", cell: (c) => moment(c.time, zone) },
    { title: "Code", cell: (c) => c.code },
    { title: "Before", number: true, cell: (c) => `${kwh(c.before)}, ${qualities[c.before_quality] ?? ""}` },
    { title: "After", number: true, cell: (c) => `${kwh(c.after)}, ${qualities[c.after_quality] ?? ""}` },
  ];
}

function Imported({ f, zone }: { f: Files; zone: string }) {
  const columns: Column<Files["files"][number]>[] = [
    { title: "File", cell: (x) => x.name },
    { title: "Format", cell: (x) => x.format },
    { title: "From", cell: (x) => moment(x.from, zone) },
    { title: "Until", cell: (x) => moment(x.until, zone) },
    { title: "Values", number: true, cell: (x) => x.values },
    { title: "Of them new or changed", number: true, cell: (x) => x.changed },
    { title: "Imported", cell: (x) => moment(x.imported, zone) },
    { title: "Ledger", cell: (x) => (x.recorded ? <code title="digest on the ledger">{x.digest.slice(0, 12)}…</code> : "not yet") },
  ];
  return (
    <section>
      <h2>What was imported</h2>
      {f.bills_by === "official" && f.waiting > 0 && <p class="warning">{count(f.waiting, "interval")} still to be settled again by imported values.</p>}
      {f.files.length === 0 ? (
        <p>No file yet.</p>
      ) : (
        <Table narrow="cards" id="files" columns={columns} rows={f.files} keyOf={(x) => x.digest} />
      )}
    </section>
  );
}

function Compare({ values, work, site }: Props) {
  return (
    <section>
      <h2>Reconcile a month</h2>
      <form
        class="actions"
        onSubmit={(e) => {
          e.preventDefault();
          const form = new FormData(e.currentTarget);
          void values.compare(String(form.get("month")), form.get("all") !== null);
        }}
      >
        <label>
          Month <input name="month" pattern="2\d{3}-(0[1-9]|1[0-2])" size={8} defaultValue={lastMonth(site.time, site.zone)} title="a year and a month, as in 2026-05" />
        </label>
        <label>
          <input name="all" type="checkbox" /> also quarter-hours in which both say the same
        </label>
        <button disabled={work.busy.value !== ""}>Compare</button>
      </form>
    </section>
  );
}

function Tables({ r, site }: { r: Reconciliation; site: Tariffs }) {
  const keep = (what: string, text: string) => save(`${r.month}-${what}.csv`, new Blob([text], { type: "text/csv" }));
  const money = (m: number) => worded(m, r.currency, site.minor_digits, member);
  const total: Reconciliation["money"][number] = { member: "All", signed: sum(r.money, "signed"), official: sum(r.money, "official"), difference: sum(r.money, "difference") };
  return (
    <section id="reconciliation">
      <h2>
        {r.month} ({r.zone}): {count(r.intervals, "interval")} compared{r.bills_by === "official" && r.waiting > 0 && `, ${r.waiting} still to be settled again`}
      </h2>
      <Table narrow="cards" id="months" caption="Energy by metering point" columns={months} rows={[...r.months, allPoints(r)]} keyOf={(m) => m.point} mark={(m) => (m.point === "All" ? "total" : undefined)} />
      <Table narrow="cards"
        id="money"
        caption="Money by member: the month billed by official values differs from the one by signed values exactly by this"
        columns={[
          { title: "Member", cell: (m) => m.member },
          { title: "By signed values", number: true, cell: (m) => money(m.signed) },
          { title: "By official values", number: true, cell: (m) => money(m.official) },
          { title: "By official values the member is", number: true, cell: (m) => worded(m.difference, r.currency, site.minor_digits, more) },
        ]}
        rows={[...r.money, total]}
        keyOf={(m) => m.member}
        mark={(m) => (m === total ? "total" : undefined)}
      />
      {r.energy.length === 0 ? (
        <p>No quarter-hour differs.</p>
      ) : (
        <Table id="energy" caption={`Energy by quarter-hour${r.energy.length > most ? `, the first ${most} of ${r.energy.length}: all are in the CSV` : ""}`} columns={energy(r.zone)} rows={r.energy.slice(0, most)} keyOf={(e) => `${e.point} ${e.interval}`} />
      )}
      <p class="actions">
        <button onClick={() => keep("energy", energyTable(r))}>Energy as CSV</button>
        <button onClick={() => keep("money", moneyTable(r))}>Money as CSV</button>
      </p>
    </section>
  );
}

type Month = Reconciliation["months"][number];

function allPoints(r: Reconciliation): Month {
  const of = (field: keyof Month) => sum(r.months, field);
  return {
    point: "All", signed_import: of("signed_import"), official_import: of("official_import"), signed_export: of("signed_export"), official_export: of("official_export"),
    intervals: of("intervals"), differing: of("differing"), missing: of("missing"),
  };
}

const months: Column<Month>[] = [
  { title: "Metering point", cell: (m) => m.point },
  { title: "Taken, signed", number: true, cell: (m) => kwh(m.signed_import) },
  { title: "Taken, official", number: true, cell: (m) => kwh(m.official_import) },
  { title: "Given, signed", number: true, cell: (m) => kwh(m.signed_export) },
  { title: "Given, official", number: true, cell: (m) => kwh(m.official_export) },
  { title: "Intervals", number: true, cell: (m) => m.intervals },
  { title: "Differ", number: true, cell: (m) => m.differing },
  { title: "No official value", number: true, cell: (m) => m.missing },
];

function energy(zone: string): Column<Reconciliation["energy"][number]>[] {
  return [
    { title: "Metering point", cell: (e) => e.point },
    { title: "Local time", cell: (e) => `${date(begin(e.interval), zone)} ${times(begin(e.interval), end(e.interval), zone)}` },
    { title: "Taken, signed", number: true, cell: (e) => kwh(e.signed_import) },
    { title: "Taken, official", number: true, cell: (e) => kwh(e.official_import) },
    { title: "Given, signed", number: true, cell: (e) => kwh(e.signed_export) },
    { title: "Given, official", number: true, cell: (e) => kwh(e.official_export) },
    { title: "Why", cell: (e) => e.reason || "not known" },
  ];
}
