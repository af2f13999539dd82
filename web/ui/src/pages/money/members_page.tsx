// The register of members: a list with its preview, who is known, and prepaid balances.
import { count } from "../../ui/english";
import { type Column, Table } from "../../ui/table";
import { amount, worded } from "./format";
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
  return (
    <>
      <h1>{all ? `${count(all.length, "member")}, ${all.filter((p) => p.name).length} with a name for bills` : "Reading the register…"}</h1>
      <Choose {...props} />
      {members.seen.value && <Preview {...props} seen={members.seen.value} />}
      {all && all.length > 0 && <Register {...props} all={all} />}
      {all && all.length > 0 && <Transfer {...props} all={all} />}
    </>
  );
}

function Choose({ members, work }: Props) {
  return (
    <section>
      <h2>Import a list</h2>
      <form
        class="fields"
        onSubmit={(e) => {
          e.preventDefault();
          void members.look(new FormData(e.currentTarget).get("file") as File);
        }}
      >
        <label>
          List of members, CSV or XLSX <input name="file" type="file" accept=".csv,.xlsx" required />
        </label>
        <button disabled={work.busy.value !== ""}>Preview</button>
      </form>
      <p>
        The first row names the columns, of which <code>number</code> and <code>name</code> must be there: <code>number, name, address, e-mail, iban, mandate, mandate date, language, display name</code>. A member is matched by number.
      </p>
    </section>
  );
}

function Preview({ members, work, seen }: Props & { seen: Import }) {
  const name = members.chosen.value?.name ?? "";
  const changing = seen.rows.filter((r) => r.outcome !== "unchanged");
  return (
    <section id="preview">
      <h2>
        {name}: {counted(seen)}
        {seen.applied ? ", imported" : ""}
      </h2>
      {seen.problems.length > 0 && (
        <Table narrow="cards"
          id="problems"
          caption="Rows that do not fit and are left out"
          columns={[
            { title: "Line", number: true, cell: (p) => p.line },
            { title: "Field", cell: (p) => p.field || "the whole line" },
            { title: "What is wrong", cell: (p) => p.says },
          ]}
          rows={seen.problems}
          keyOf={(p) => `${p.line} ${p.field}`}
        />
      )}
      {changing.length > 0 && (
        <Table narrow="cards"
          id="rows"
          columns={[
            { title: "Line", number: true, cell: (r) => r.line },
            { title: "Number", cell: (r) => r.number },
            { title: "Name", cell: (r) => r.name },
            { title: "Becomes", cell: (r) => (r.outcome === "new" ? "new" : `changed: ${r.fields.join(", ")}`) },
            { title: "Metering points", number: true, cell: (r) => r.points || "none: no device names it" },
          ]}
          rows={changing}
          keyOf={(r) => r.line}
        />
      )}
      {!seen.applied && changing.length > 0 && (
        <button class="main" disabled={work.busy.value !== ""} onClick={() => void members.apply()}>
          Import {count(changing.length, "row")}
        </button>
      )}
    </section>
  );
}

function Register({ members, work, site, all }: Props & { all: Person[] }) {
  const balances = members.balances.value;
  const columns: Column<Person>[] = [
    { title: "Number", cell: (p) => p.number },
    { title: "Name", cell: (p) => p.name ?? "–" },
    { title: "E-mail", cell: (p) => p.email ?? "–" },
    { title: "IBAN", cell: (p) => (p.iban ? p.iban.replace(/(.{4})(?=.)/g, "$1 ") : "–") },
    { title: "Mandate", cell: (p) => p.mandate ?? "–" },
    { title: "Metering points", number: true, cell: (p) => p.points },
    ...(balances.size > 0 ? [{ title: "Balance", number: true, cell: (p: Person) => held(balances.get(p.number), site.minor_digits) }] : []),
  ];
  return (
    <section>
      <h2>Register</h2>
      <Table narrow="cards" id="members" columns={columns} rows={all} keyOf={(p) => p.number} />
      <p>
        <button disabled={work.busy.value !== ""} onClick={() => void members.balance()}>
          Show balances
        </button>
      </p>
    </section>
  );
}

/** held says a balance in words, and of a prepaid one how much is free. */
export function held(b: Balance | undefined, digits: number): string {
  if (!b) return "–";
  const text = worded(b.balance, b.currency, digits, ["has", "owes"]);
  return b.prepaid ? `${text}, prepaid: ${(b.free ?? 0) > 0 ? amount(b.free ?? 0, b.currency, digits) : "nothing"} free` : text;
}

function Transfer({ members, work, site, all }: Props & { all: Person[] }) {
  return (
    <section>
      <h2>Book a payment</h2>
      <form
        class="fields"
        onSubmit={(e) => {
          e.preventDefault();
          const form = new FormData(e.currentTarget);
          const sum = millionths(String(form.get("amount")), site.minor_digits);
          const [number, reference] = [String(form.get("number")), String(form.get("reference")).trim()];
          if (sum === undefined) work.problem.value = `Amount: give one above 0 with ${site.minor_digits} decimals at most, as in ${amount(12.5e6, "", site.minor_digits).trim()}.`;
          else void members.transfer(number, reference, form.get("way") === "out" ? -sum : sum, site.minor_digits);
        }}
      >
        <label>
          Member{" "}
          <select name="number">
            {all.filter((p) => p.points > 0).map((p) => (
              <option value={p.number}>{p.name ? `${p.name} (${p.number})` : p.number}</option>
            ))}
          </select>
        </label>
        <label>
          Way{" "}
          <select name="way">
            <option value="in">was paid in</option>
            <option value="out">was paid out</option>
          </select>
        </label>
        <label>
          Amount, {site.currency} <input name="amount" inputMode="decimal" required size={10} />
        </label>
        <label>
          Reference of the bank <input name="reference" required maxLength={64} pattern="[^\/]+" title="without a slash" />
        </label>
        <button disabled={work.busy.value !== ""}>Book</button>
      </form>
      <p>Each reference counts once: the same payment again changes nothing.</p>
    </section>
  );
}
