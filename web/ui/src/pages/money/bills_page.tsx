// The list of bills: drafted by month, approved, sent, paid or cancelled.
import { told } from "../../ui/api";
import { type Column, Table } from "../../ui/table";
import { BillPage } from "./bill_page";
import { type Bills as Store, can, formats, type Left, type Summary } from "./bills";
import { lastMonth, type Sums, useSums } from "./format";
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
  const sums = useSums();
  const { words } = sums;
  const w = words.bills;
  const all = bills.shown.value;
  const busy = work.busy.value !== "";
  const drafts = all.filter((b) => can(b).approve);
  const unsent = all.filter((b) => can(b).send);
  return (
    <>
      <h1>{title(bills.list.value, bills.period.value, sums)}</h1>
      <section>
        <form
          class="actions"
          onSubmit={(e) => {
            e.preventDefault();
            void bills.draft(String(new FormData(e.currentTarget).get("month")));
          }}
        >
          <label>
            {w.over} <input name="month" required pattern="2\d{3}-(0[1-9]|1[0-2])" size={8} defaultValue={lastMonth(site.time, site.zone)} title={words.monthAs} />
          </label>
          <button disabled={busy}>{w.draft}</button>
        </form>
        <p>{w.draftNote}</p>
      </section>
      {bills.periods.value.length > 0 && (
        <section>
          <div class="actions">
            <label>
              {w.show}{" "}
              <select value={bills.period.value} onChange={(e) => (bills.period.value = e.currentTarget.value)}>
                <option value="">{w.allMonths}</option>
                {bills.periods.value.map((p) => (
                  <option value={p}>{p}</option>
                ))}
              </select>
            </label>
            {drafts.length > 0 && (
              <button disabled={busy} onClick={() => bills.approve(drafts)}>
                {w.approveAll(drafts.length)}
              </button>
            )}
            {unsent.length > 0 && (
              <button disabled={busy} onClick={() => void bills.send(unsent)}>
                {w.sendAll(unsent.length)}
              </button>
            )}
          </div>
          <Table narrow="cards" id="bills" columns={columns({ bills, work, site }, sums)} rows={all} keyOf={(b) => b.id} />
          {bills.period.value === "" ? <p>{w.choose}</p> : <Downloads bills={bills} busy={busy} />}
        </section>
      )}
    </>
  );
}

function title(all: Summary[] | null, period: string, { words }: Sums): string {
  const w = words.bills;
  if (!all) return w.reading;
  if (all.length === 0) return w.none;
  const shown = all.filter((b) => period === "" || b.period === period);
  const drafts = shown.filter((b) => b.state === "draft").length;
  return w.shown(shown.length, period, drafts);
}

function Downloads({ bills, busy }: { bills: Store; busy: boolean }) {
  const w = useSums().words.bills;
  return (
    <p class="actions">
      <span>{w.approved(bills.period.value)}</span>
      {formats.map((format) => (
        <button disabled={busy} onClick={() => void bills.file(format)}>
          {w.formats[format]}
        </button>
      ))}
    </p>
  );
}

function columns({ bills, work }: Props, sums: Sums): Column<Summary>[] {
  const { words } = sums;
  const w = words.bills;
  const busy = work.busy.value !== "";
  return [
    {
      title: w.number,
      cell: (b) => (
        <button class="link" disabled={busy} onClick={() => void bills.open(b.id)}>
          {b.state === "draft" ? w.draftFor(b.member) : b.id}
        </button>
      ),
    },
    { title: words.member, cell: (b) => <span class="free">{b.name && b.name !== b.member ? `${b.name} (${b.member})` : b.member}</span> },
    ...(bills.period.value === "" ? [{ title: words.month, cell: (b: Summary) => b.period }] : []),
    { title: w.state, cell: (b) => <span class="free">{state(b, sums)}</span> },
    { title: w.total, number: true, cell: (b) => sums.worded(b.total, b.currency, b.digits) },
    { title: w.due, cell: (b) => due(b, sums) },
    { title: w.next, cell: (b) => <Actions b={b} bills={bills} work={work} /> },
  ];
}

/** state is how far a bill came, in words. */
export function state(b: Summary, { words }: Sums): string {
  const w = words.bills;
  if (b.credit_of) return w.creditFor(b.credit_of);
  const delivery = b.deliveries.at(-1);
  return b.state === "sent" && delivery ? w.sentTo(delivery.recipient) : (w.states[b.state] ?? b.state);
}

export function due(b: Summary, sums: Sums): string {
  const w = sums.words.bills;
  if (b.due_by === undefined || b.state === "draft" || b.state === "cancelled") return "–";
  return b.state === "paid" ? w.paid : w.by(sums.named(b.due_by));
}

export function Actions({ b, bills, work }: { b: Summary; bills: Store; work: Work }) {
  const sums = useSums();
  const w = sums.words.bills;
  const busy = work.busy.value !== "";
  const may = can(b);
  return (
    <span class="actions">
      {may.approve && (
        <button disabled={busy} onClick={() => bills.approve([b])}>
          {w.approve}
        </button>
      )}
      {may.send && (
        <button disabled={busy} onClick={() => void bills.send([b])}>
          {w.send}
        </button>
      )}
      {may.pay && (
        <button disabled={busy} onClick={() => work.ask({ text: w.ask.pay(b.id, b.member, sums.worded(b.due, b.currency, b.digits, sums.words.of.booked)), yes: w.ask.payYes, act: () => bills.pay(b, "") })}>
          {w.pay}
        </button>
      )}
      {may.cancel && (
        <button disabled={busy} onClick={() => bills.cancel(b)}>
          {w.cancel}
        </button>
      )}
    </span>
  );
}

function LeftOut({ all }: { all: Left[] }) {
  const { words, format } = useSums();
  return (
    <section class="warning">
      <h2>{words.bills.notDone}</h2>
      <ul id="left">
        {all.map((l) => (
          <li key={l.id}>
            <strong>{l.id}</strong>: {told(l.said, l.why, format.language)}
          </li>
        ))}
      </ul>
    </section>
  );
}
