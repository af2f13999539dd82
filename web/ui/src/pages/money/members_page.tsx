// The register of members: a list with its preview, who is known, and prepaid balances.
import { told } from "../../ui/api";
import { type Column, Table } from "../../ui/table";
import { type Sums, useSums } from "./format";
import { type Balance, counted, type Import, type Members as Store, millionths, type Person } from "./members";
import type { Tariffs } from "./store";
import type { Work } from "./work";

interface Props {
  members: Store;
  work: Work;
  site: Tariffs;
}

export function Members(props: Props) {
  const { members } = props;
  const all = members.persons.value;
  const w = useSums().words.members;
  return (
    <>
      <h1>{all ? w.title(all.length, all.filter((p) => p.name).length) : w.reading}</h1>
      <Choose {...props} />
      {members.seen.value && <Preview {...props} seen={members.seen.value} />}
      {all && all.length > 0 && <Register {...props} all={all} />}
      {all && all.length > 0 && <Transfer {...props} all={all} />}
    </>
  );
}

function Choose({ members, work }: Props) {
  const { words } = useSums();
  const w = words.members;
  return (
    <section>
      <h2>{w.import}</h2>
      <form
        class="fields"
        onSubmit={(e) => {
          e.preventDefault();
          void members.look(new FormData(e.currentTarget).get("file") as File);
        }}
      >
        <label>
          {w.list} <input name="file" type="file" accept=".csv,.xlsx" required />
        </label>
        <button disabled={work.busy.value !== ""}>{words.preview}</button>
      </form>
      <p>
        {w.columns[0]}
        <code>number</code>
        {w.columns[1]}
        <code>name</code>
        {w.columns[2]}
        <code>number, name, address, e-mail, iban, mandate, mandate date, language, display name</code>
        {w.columns[3]}
      </p>
    </section>
  );
}

function Preview({ members, work, seen }: Props & { seen: Import }) {
  const name = members.chosen.value?.name ?? "";
  const sums = useSums();
  const { words, format } = sums;
  const w = words.members;
  const changing = seen.rows.filter((r) => r.outcome !== "unchanged");
  return (
    <section id="preview">
      <h2>
        {name}: {counted(seen, sums)}
        {seen.applied ? w.applied : ""}
      </h2>
      {seen.problems.length > 0 && (
        <Table narrow="cards"
          id="problems"
          caption={w.left}
          columns={[
            { title: words.line, number: true, cell: (p) => p.line },
            { title: words.field, cell: (p) => p.field || w.wholeLine },
            { title: words.wrong, prose: true, cell: (p) => told(p.said, p.says, format.language) },
          ]}
          rows={seen.problems}
          keyOf={(p) => `${p.line} ${p.field}`}
        />
      )}
      {changing.length > 0 && (
        <Table narrow="cards"
          id="rows"
          columns={[
            { title: words.line, number: true, cell: (r) => r.line },
            { title: w.number, cell: (r) => r.number },
            { title: w.name, cell: (r) => r.name },
            { title: w.becomes, cell: (r) => (r.outcome === "new" ? w.fresh : w.changed(r.fields.join(", "))) },
            { title: w.points, number: true, cell: (r) => r.points || w.noPoint },
          ]}
          rows={changing}
          keyOf={(r) => r.line}
        />
      )}
      {!seen.applied && changing.length > 0 && (
        <button class="main" disabled={work.busy.value !== ""} onClick={() => void members.apply()}>
          {w.importRows(changing.length)}
        </button>
      )}
    </section>
  );
}

function Register({ members, work, site, all }: Props & { all: Person[] }) {
  const sums = useSums();
  const w = sums.words.members;
  const balances = members.balances.value;
  const columns: Column<Person>[] = [
    { title: w.number, cell: (p) => p.number },
    { title: w.name, cell: (p) => p.name ?? "–" },
    { title: w.email, cell: (p) => p.email ?? "–" },
    { title: "IBAN", cell: (p) => (p.iban ? p.iban.replace(/(.{4})(?=.)/g, "$1 ") : "–") },
    { title: w.mandate, cell: (p) => p.mandate ?? "–" },
    { title: w.points, number: true, cell: (p) => p.points },
    ...(balances.size > 0 ? [{ title: w.balance, number: true, cell: (p: Person) => held(balances.get(p.number), site.minor_digits, sums) }] : []),
  ];
  return (
    <section>
      <h2>{w.register}</h2>
      <Table narrow="cards" id="members" columns={columns} rows={all} keyOf={(p) => p.number} />
      <p>
        <button disabled={work.busy.value !== ""} onClick={() => void members.balance()}>
          {w.showBalances}
        </button>
      </p>
    </section>
  );
}

/** held says a balance in words, and of a prepaid one how much is free. */
export function held(b: Balance | undefined, digits: number, sums: Sums): string {
  if (!b) return "–";
  const text = sums.worded(b.balance, b.currency, digits, sums.words.of.held);
  return b.prepaid ? sums.words.members.prepaid(text, (b.free ?? 0) > 0 ? sums.amount(b.free ?? 0, b.currency, digits) : "") : text;
}

function Transfer({ members, work, site, all }: Props & { all: Person[] }) {
  const sums = useSums();
  const { words } = sums;
  const w = words.members;
  return (
    <section>
      <h2>{w.book}</h2>
      <form
        class="fields"
        onSubmit={(e) => {
          e.preventDefault();
          const form = new FormData(e.currentTarget);
          const sum = millionths(String(form.get("amount")), site.minor_digits);
          const [number, reference] = [String(form.get("number")), String(form.get("reference")).trim()];
          if (sum === undefined) work.problem.value = w.badAmount(site.minor_digits, sums.amount(12.5e6, "", site.minor_digits).trim());
          else void members.transfer(number, reference, form.get("way") === "out" ? -sum : sum, site.minor_digits);
        }}
      >
        <label>
          {words.member}{" "}
          <select name="number">
            {all.filter((p) => p.points > 0).map((p) => (
              <option value={p.number}>{p.name ? `${p.name} (${p.number})` : p.number}</option>
            ))}
          </select>
        </label>
        <label>
          {w.way}{" "}
          <select name="way">
            <option value="in">{w.in}</option>
            <option value="out">{w.out}</option>
          </select>
        </label>
        <label>
          {w.amount(site.currency)} <input name="amount" inputMode="decimal" required size={10} />
        </label>
        <label>
          {w.reference} <input name="reference" required maxLength={64} pattern="[^\/]+" title={w.noSlash} />
        </label>
        <button disabled={work.busy.value !== ""}>{w.bookIt}</button>
      </form>
      <p>{w.once}</p>
    </section>
  );
}
