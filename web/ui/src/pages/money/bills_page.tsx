// The list of bills: drafted by month, approved, sent, paid or cancelled.
import { type Column, Table } from "../../ui/table";
import { BillPage } from "./bill_page";
import { type Bills as Store, bills as counted, can, formats, type Left, type Summary } from "./bills";
import { lastMonth, worded } from "./format";
import type { Tariffs } from "./store";
import type { Work } from "./work";

export interface Props {
  bills: Store;
  work: Work;
  site: Tariffs;
}

export function Bills(props: Props) {
  const { bills } = props;
  return (
    <>
      {bills.bill.value ? <BillPage {...props} bill={bills.bill.value} /> : <List {...props} />}
      {bills.left.value.length > 0 && <LeftOut all={bills.left.value} />}
    </>
  );
}

function List({ bills, work, site }: Props) {
  const all = bills.shown.value;
  const busy = work.busy.value !== "";
  const drafts = all.filter((b) => can(b).approve);
  const unsent = all.filter((b) => can(b).send);
  return (
    <>
      <h1>{title(bills.list.value, bills.period.value)}</h1>
      <section>
        <form
          class="actions"
          onSubmit={(e) => {
            e.preventDefault();
            void bills.draft(String(new FormData(e.currentTarget).get("month")));
          }}
        >
          <label>
            Month that is over <input name="month" required pattern="2\d{3}-(0[1-9]|1[0-2])" size={8} defaultValue={lastMonth(site.time, site.zone)} title="a year and a month, as in 2026-05" />
          </label>
          <button disabled={busy}>Draft its bills</button>
        </form>
        <p>A draft takes the place of the one before. What is approved stays as it is.</p>
      </section>
      {bills.periods.value.length > 0 && (
        <section>
          <div class="actions">
            <label>
              Show{" "}
              <select value={bills.period.value} onChange={(e) => (bills.period.value = e.currentTarget.value)}>
                <option value="">all months</option>
                {bills.periods.value.map((p) => (
                  <option value={p}>{p}</option>
                ))}
              </select>
            </label>
            {drafts.length > 0 && (
              <button disabled={busy} onClick={() => bills.approve(drafts)}>
                Approve {drafts.length === 1 ? "the draft" : `all ${drafts.length} drafts`}
              </button>
            )}
            {unsent.length > 0 && (
              <button disabled={busy} onClick={() => void bills.send(unsent)}>
                Send {counted(unsent.length)} by e-mail
              </button>
            )}
          </div>
          <Table narrow="cards" id="bills" columns={columns({ bills, work, site })} rows={all} keyOf={(b) => b.id} />
          {bills.period.value === "" ? <p>Choose a month to download its bills as a table or for the bank.</p> : <Downloads bills={bills} busy={busy} />}
        </section>
      )}
    </>
  );
}

function title(all: Summary[] | null, period: string): string {
  if (!all) return "Reading the bills…";
  if (all.length === 0) return "No bill yet: draft those of a month that is over";
  const shown = all.filter((b) => period === "" || b.period === period);
  const drafts = shown.filter((b) => b.state === "draft").length;
  return `${counted(shown.length)}${period === "" ? "" : ` of ${period}`}${drafts > 0 ? `, ${drafts} of them not approved` : ""}`;
}

function Downloads({ bills, busy }: { bills: Store; busy: boolean }) {
  return (
    <p class="actions">
      <span>Approved bills of {bills.period.value}:</span>
      {formats.map(([format, name]) => (
        <button disabled={busy} onClick={() => void bills.file(format)}>
          {name}
        </button>
      ))}
    </p>
  );
}

function columns({ bills, work }: Props): Column<Summary>[] {
  const busy = work.busy.value !== "";
  return [
    {
      title: "Number",
      cell: (b) => (
        <button class="link" disabled={busy} onClick={() => void bills.open(b.id)}>
          {b.state === "draft" ? `draft for ${b.member}` : b.id}
        </button>
      ),
    },
    { title: "Member", cell: (b) => <span class="free">{b.name && b.name !== b.member ? `${b.name} (${b.member})` : b.member}</span> },
    ...(bills.period.value === "" ? [{ title: "Month", cell: (b: Summary) => b.period }] : []),
    { title: "State", cell: (b) => <span class="free">{state(b)}</span> },
    { title: "Total: the member", number: true, cell: (b) => worded(b.total, b.currency, b.digits) },
    { title: "Due", cell: (b) => due(b) },
    { title: "Next", cell: (b) => <Actions b={b} bills={bills} work={work} /> },
  ];
}

/** state is how far a bill came, in words. */
export function state(b: Summary): string {
  if (b.credit_of) return `credit note for ${b.credit_of}`;
  const delivery = b.deliveries.at(-1);
  return b.state === "sent" && delivery ? `sent to ${delivery.recipient}` : b.state;
}

export function due(b: Summary): string {
  if (b.due_by === undefined || b.state === "draft" || b.state === "cancelled") return "–";
  return b.state === "paid" ? "paid" : `by ${b.due_by}`;
}

export function Actions({ b, bills, work }: { b: Summary; bills: Store; work: Work }) {
  const busy = work.busy.value !== "";
  const may = can(b);
  return (
    <span class="actions">
      {may.approve && (
        <button disabled={busy} onClick={() => bills.approve([b])}>
          Approve
        </button>
      )}
      {may.send && (
        <button disabled={busy} onClick={() => void bills.send([b])}>
          Send
        </button>
      )}
      {may.pay && (
        <button disabled={busy} onClick={() => work.ask({ text: `Note that bill ${b.id} of ${b.member} is paid, and book ${worded(b.due, b.currency, b.digits, ["what is paid out:", "what came in:"])}?`, yes: "It is paid", act: () => bills.pay(b, "") })}>
          Paid
        </button>
      )}
      {may.cancel && (
        <button disabled={busy} onClick={() => bills.cancel(b)}>
          Cancel
        </button>
      )}
    </span>
  );
}

function LeftOut({ all }: { all: Left[] }) {
  return (
    <section class="warning">
      <h2>Not done</h2>
      <ul id="left">
        {all.map((l) => (
          <li key={l.id}>
            <strong>{l.id}</strong>: {l.why}
          </li>
        ))}
      </ul>
    </section>
  );
}
