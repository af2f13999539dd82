// The grid operator's meter values: a file with its preview, what was imported, and both
// tables of a month.
import { told } from "../../ui/api";
import { type Column, Table } from "../../ui/table";
import { begin, end, lastMonth, type Sums, useSums } from "./format";
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
  const w = useSums().words.values;
  return (
    <>
      <h1>{f ? w.billsBy(f.bills_by === "official") : w.reading}</h1>
      <Choose {...props} />
      {values.seen.value && <Preview {...props} seen={values.seen.value} />}
      {f && <Imported f={f} zone={props.site.zone} />}
      <Compare {...props} />
      {values.compared.value && <Tables r={values.compared.value} site={props.site} />}
    </>
  );
}

function Choose({ values, work }: Props) {
  const { words } = useSums();
  const w = words.values;
  return (
    <section>
      <h2>{w.import}</h2>
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
          {w.file} <input name="file" type="file" required />
        </label>
        <label>
          {w.mapping} <input name="mapping" type="file" accept=".yaml,.yml" />
        </label>
        <label>
          {w.format}{" "}
          <select name="format">
            {Object.entries(w.formats).map(([format, name]) => (
              <option value={format}>{name}</option>
            ))}
          </select>
        </label>
        <button disabled={work.busy.value !== ""}>{words.preview}</button>
      </form>
      <p>{w.note}</p>
    </section>
  );
}

function Preview({ values, work, seen, site }: Props & { seen: Import }) {
  const name = values.chosen.value?.file.name ?? "";
  const sums = useSums();
  const { words, format } = sums;
  const w = words.values;
  return (
    <section id="preview">
      <h2>
        {name} ({sums.fileSize(values.chosen.value?.file.size ?? 0)}): {verdict(seen, sums)}
      </h2>
      {seen.from && (
        <p>
          {w.has(w.formats[seen.format] ?? seen.format, seen.values, seen.points.length, sums.moment(seen.from, site.zone), sums.moment(seen.until ?? "", site.zone), seen.new, seen.changed, seen.same, seen.corrects)}
        </p>
      )}
      {seen.problems.length > 0 && (
        <Table narrow="cards"
          id="problems"
          caption={w.problems(seen.problems.length, most)}
          columns={[
            { title: words.line, number: true, cell: (p) => p.line || w.allLines },
            { title: words.field, cell: (p) => p.field },
            { title: words.wrong, prose: true, cell: (p) => told(p.said, p.text, format.language) },
          ]}
          rows={seen.problems.slice(0, most)}
          keyOf={(p) => `${p.line} ${p.field} ${p.text}`}
        />
      )}
      {seen.points.length > 0 && (
        <Table narrow="cards" id="points" caption={w.points} columns={points(sums)} rows={seen.points} keyOf={(p) => p.point} />
      )}
      {seen.changes.length > 0 && (
        <Table narrow="cards" caption={w.changes(seen.changes.length, seen.changed)} columns={changes(site.zone, sums)} rows={seen.changes.slice(0, most)} keyOf={(c) => `${c.point} ${c.time} ${c.code}`} />
      )}
      {seen.notes.length > 0 && (
        <ul>
          {seen.notes.slice(0, most).map((n) => (
            <li key={`${n.line} ${n.text}`}>
              {n.line > 0 && w.line(n.line)}
              {told(n.said, n.text, format.language)}
            </li>
          ))}
        </ul>
      )}
      {ready(seen) && (
        <button class="main" disabled={work.busy.value !== ""} onClick={() => void values.apply()}>
          {w.importIt(name)}
        </button>
      )}
    </section>
  );
}

/** verdict says what a file that was looked at is good for. */
export function verdict(seen: Import, { words }: Sums): string {
  const { verdicts } = words.values;
  if (seen.problems.length > 0) return verdicts.bad;
  if (seen.already) return verdicts.already;
  return seen.applied ? verdicts.applied : verdicts.good;
}

/** both are the columns that have the signed and the official energies. */
function both<Row extends { signed_import: number; official_import: number; signed_export: number; official_export: number }>(sums: Sums): [taken: Column<Row>[], given: Column<Row>[]] {
  const w = sums.words.values;
  return [
    [
      { title: w.takenSigned, number: true, cell: (p) => sums.kwh(p.signed_import) },
      { title: w.takenOfficial, number: true, cell: (p) => sums.kwh(p.official_import) },
    ],
    [
      { title: w.givenSigned, number: true, cell: (p) => sums.kwh(p.signed_export) },
      { title: w.givenOfficial, number: true, cell: (p) => sums.kwh(p.official_export) },
    ],
  ];
}

function points(sums: Sums): Column<Import["points"][number]>[] {
  const w = sums.words.values;
  const [taken, given] = both<Import["points"][number]>(sums);
  return [
    { title: sums.words.point, cell: (p) => (p.source && p.source !== p.point ? `${p.point} (${p.source})` : p.point) },
    { title: w.values, number: true, cell: (p) => p.values },
    ...taken,
    { title: w.officialIs, number: true, cell: (p) => sums.difference(p.official_import, p.signed_import) },
    ...given,
    { title: w.officialIs, number: true, cell: (p) => sums.difference(p.official_export, p.signed_export) },
  ];
}

function changes(zone: string, sums: Sums): Column<Import["changes"][number]>[] {
  const w = sums.words.values;
  return [
    { title: sums.words.point, cell: (c) => c.point },
    { title: w.begin, cell: (c) => sums.moment(c.time, zone) },
    { title: w.code, cell: (c) => c.code },
    { title: w.before, number: true, cell: (c) => `${sums.kwh(c.before)}, ${w.qualities[c.before_quality] ?? ""}` },
    { title: w.after, number: true, cell: (c) => `${sums.kwh(c.after)}, ${w.qualities[c.after_quality] ?? ""}` },
  ];
}

function Imported({ f, zone }: { f: Files; zone: string }) {
  const sums = useSums();
  const w = sums.words.values;
  const columns: Column<Files["files"][number]>[] = [
    { title: w.fileName, cell: (x) => x.name },
    { title: w.format, cell: (x) => w.formats[x.format] ?? x.format },
    { title: w.from, cell: (x) => sums.moment(x.from, zone) },
    { title: w.until, cell: (x) => sums.moment(x.until, zone) },
    { title: w.values, number: true, cell: (x) => x.values },
    { title: w.changedOf, number: true, cell: (x) => x.changed },
    { title: w.importedAt, cell: (x) => sums.moment(x.imported, zone) },
    { title: w.ledger, cell: (x) => (x.recorded ? <code title={w.digest}>{x.digest.slice(0, 12)}…</code> : w.notYet) },
  ];
  return (
    <section>
      <h2>{w.files}</h2>
      {f.bills_by === "official" && f.waiting > 0 && <p class="warning">{w.waiting(f.waiting)}</p>}
      {f.files.length === 0 ? (
        <p>{w.noFile}</p>
      ) : (
        <Table narrow="cards" id="files" columns={columns} rows={f.files} keyOf={(x) => x.digest} />
      )}
    </section>
  );
}

function Compare({ values, work, site }: Props) {
  const { words } = useSums();
  const w = words.values;
  return (
    <section>
      <h2>{w.reconcile}</h2>
      <form
        class="actions"
        onSubmit={(e) => {
          e.preventDefault();
          const form = new FormData(e.currentTarget);
          void values.compare(String(form.get("month")), form.get("all") !== null);
        }}
      >
        <label>
          {words.month} <input name="month" pattern="2\d{3}-(0[1-9]|1[0-2])" size={8} defaultValue={lastMonth(site.time, site.zone)} title={words.monthAs} />
        </label>
        <label>
          <input name="all" type="checkbox" /> {w.also}
        </label>
        <button disabled={work.busy.value !== ""}>{w.compare}</button>
      </form>
    </section>
  );
}

function Tables({ r, site }: { r: Reconciliation; site: Tariffs }) {
  const sums = useSums();
  const { words } = sums;
  const w = words.values;
  const keep = (what: string, text: string) => save(`${r.month}-${what}.csv`, new Blob([text], { type: "text/csv" }));
  const money = (m: number) => sums.worded(m, r.currency, site.minor_digits);
  const total: Reconciliation["money"][number] = { member: w.all, signed: sum(r.money, "signed"), official: sum(r.money, "official"), difference: sum(r.money, "difference") };
  const all = allPoints(r, w.all);
  return (
    <section id="reconciliation">
      <h2>
        {w.compared(r.month, r.zone, r.intervals, r.bills_by === "official" ? r.waiting : 0)}
      </h2>
      <Table narrow="cards" id="months" caption={w.byPoint} columns={months(sums)} rows={[...r.months, all]} keyOf={(m) => m.point} mark={(m) => (m === all ? "total" : undefined)} />
      <Table narrow="cards"
        id="money"
        caption={w.byMember}
        columns={[
          { title: words.member, cell: (m) => m.member },
          { title: w.signed, number: true, cell: (m) => money(m.signed) },
          { title: w.official, number: true, cell: (m) => money(m.official) },
          { title: w.memberIs, number: true, cell: (m) => sums.worded(m.difference, r.currency, site.minor_digits, words.of.more) },
        ]}
        rows={[...r.money, total]}
        keyOf={(m) => m.member}
        mark={(m) => (m === total ? "total" : undefined)}
      />
      {r.energy.length === 0 ? (
        <p>{w.none}</p>
      ) : (
        <Table id="energy" caption={w.byQuarter(Math.min(most, r.energy.length), r.energy.length)} columns={energy(r.zone, sums)} rows={r.energy.slice(0, most)} keyOf={(e) => `${e.point} ${e.interval}`} />
      )}
      <p class="actions">
        <button onClick={() => keep("energy", energyTable(r))}>{w.energyCsv}</button>
        <button onClick={() => keep("money", moneyTable(r))}>{w.moneyCsv}</button>
      </p>
    </section>
  );
}

type Month = Reconciliation["months"][number];

function allPoints(r: Reconciliation, name: string): Month {
  const of = (field: keyof Month) => sum(r.months, field);
  return {
    point: name, signed_import: of("signed_import"), official_import: of("official_import"), signed_export: of("signed_export"), official_export: of("official_export"),
    intervals: of("intervals"), differing: of("differing"), missing: of("missing"),
  };
}

function months(sums: Sums): Column<Month>[] {
  const w = sums.words.values;
  return [
    { title: sums.words.point, cell: (m) => m.point },
    ...both<Month>(sums).flat(),
    { title: w.intervals, number: true, cell: (m) => m.intervals },
    { title: w.differ, number: true, cell: (m) => m.differing },
    { title: w.missing, number: true, cell: (m) => m.missing },
  ];
}

type Energy = Reconciliation["energy"][number];

function energy(zone: string, sums: Sums): Column<Energy>[] {
  const w = sums.words.values;
  return [
    { title: sums.words.point, cell: (e) => e.point },
    { title: sums.words.localTime, cell: (e) => `${sums.dated(begin(e.interval), zone)} ${sums.times(begin(e.interval), end(e.interval), zone)}` },
    ...both<Energy>(sums).flat(),
    { title: w.why, prose: true, cell: (e) => (e.reason ? told(e.said, e.reason, sums.format.language) : w.unknown) },
  ];
}
