// What all may see who look at the pages: tariffs, and the fund by month.
import { clock, count, day } from "../../ui/english";
import { type Column, Table } from "../../ui/table";
import { amount, fund as inOut, moment, percent, priceIn, times, unit, worded } from "./format";
import type { Fund as FundState, TariffNow, Tariffs as All } from "./store";

type Period = NonNullable<TariffNow["today"]>[number];
type Component = Period["components"][number];

export function Tariffs({ all }: { all: All }) {
  return (
    <>
      <h1>What a kWh costs today</h1>
      <p>
        {day(all.time, all.zone)}, {clock(all.time, all.zone)}, local time of {all.zone}
      </p>
      {all.tariffs.map((t) => (
        <Tariff key={t.name} t={t} all={all} />
      ))}
    </>
  );
}

function Tariff({ t, all }: { t: TariffNow; all: All }) {
  const today = t.today ?? [];
  const now = Date.parse(all.time);
  const current = (p: Period) => (Date.parse(p.from) <= now && now < Date.parse(p.until) ? "own" : undefined);
  return (
    <section>
      <h2>
        {t.name}
        {t.name === all.usual && " (for all who have no tariff of their own)"}
      </h2>
      {t.problem && <p class="warning">No price now: {t.problem}</p>}
      <Table narrow="cards" caption={`Today, in ${unit(all.currency)}; the row that counts now is marked.${taxed(today)}`} columns={prices(all)} rows={today} keyOf={(p) => p.from} mark={current} />
      {today.some((p) => p.components.length > 1) && (
        <details>
          <summary>Of what these prices are the sum</summary>
          <Table caption={`By component, in ${unit(all.currency)}; in brackets what energy of neighbours pays of it too`} columns={components(today, all)} rows={today} keyOf={(p) => p.from} mark={current} />
        </details>
      )}
      <h3>Versions</h3>
      <ul>
        {t.versions.map((v) => (
          <li key={v.version}>
            <strong>{v.version}</strong>
            {v.valid_from ? `, from ${v.valid_from} on` : ", always"}: {v.components.join(", ")}
          </li>
        ))}
      </ul>
      {t.series && (
        <p>
          {t.series.prices === 0
            ? "No price of its series is known yet: push them to the API, or name a file."
            : `Its series has ${count(t.series.prices, "price")} of ${t.series.minutes} minutes, from ${moment(t.series.from ?? "", all.zone)} until ${moment(t.series.until ?? "", all.zone)}.`}
        </p>
      )}
    </section>
  );
}

/** taxed says whether the prices contain the value-added tax. */
export function taxed(today: Period[]): string {
  const all = today.flatMap((p) => p.components).filter((c) => c.vat);
  const rates = [...new Set(all.map((c) => percent(c.vat ?? 0)))];
  if (rates.length === 0) return "";
  const gross = all.every((c) => c.gross);
  if (!gross && all.some((c) => c.gross)) return ` VAT of ${rates.join(" and ")} is contained in some and comes on top of others.`;
  return gross ? ` VAT of ${rates.join(" and ")} is contained.` : ` VAT of ${rates.join(" and ")} comes on top, on the bill.`;
}

function prices(all: All): Column<Period>[] {
  const show = (of: (p: NonNullable<Period["price"]>) => number) => (p: Period) => (p.price ? priceIn(of(p.price), all.currency) : "–");
  return [
    { title: "Local time", cell: (p) => times(p.from, p.until, all.zone) },
    { title: "Taken from the grid", number: true, cell: show((p) => p.retail) },
    { title: "Which neighbours' energy pays too", number: true, cell: show((p) => p.community ?? 0) },
    { title: "Neighbours' energy avoids", number: true, cell: show((p) => p.retail - (p.community ?? 0)) },
    { title: "Given to the grid", number: true, cell: show((p) => p.feed_in) },
  ];
}

function components(today: Period[], all: All): Column<Period>[] {
  const named = new Map<string, Component>();
  for (const c of today.flatMap((p) => p.components)) named.set(`${c.export ? "given" : "taken"} ${c.component}`, c);
  const price = (c: Component | undefined) => {
    if (!c) return "–";
    return c.community ? `${priceIn(c.price, all.currency)} (${priceIn(c.community, all.currency)})` : priceIn(c.price, all.currency);
  };
  return [
    { title: "Local time", cell: (p) => times(p.from, p.until, all.zone) },
    ...[...named.values()].map((n): Column<Period> => ({
      title: n.export ? `${n.component}, of energy given` : n.component,
      number: true,
      cell: (p) => price(p.components.find((c) => c.component === n.component && Boolean(c.export) === Boolean(n.export))),
    })),
  ];
}

type Sum = FundState["months"][number]["sums"][number] & { month: string };

/** reasons are those of the fund's postings in words. */
const reasons: Record<string, string> = {
  lines: "Lines between buyers and sellers",
  "grid-fee": "Fees of lines",
  "own-fee": "Lines, of own energy",
  "pool-fee": "Lines, of shared energy",
  "key-fee": "Lines, of energy by the key",
  "pool-share": "The fund's share of what sharing gains",
  guarantee: "Guarantee: nobody pays more than without the community",
  penalty: "Penalties",
  deposit: "Paid in",
  withdrawal: "Paid out",
  adjustment: "Corrections",
};

export function Fund({ fund, digits }: { fund: FundState | null; digits: number }) {
  if (!fund) return <p class="waiting">Reading the fund…</p>;
  const money = (m: number) => amount(m, fund.currency, digits);
  const rows: Sum[] = fund.months.flatMap((m) => m.sums.map((s) => ({ ...s, month: m.month })));
  const columns: Column<Sum>[] = [
    { title: "Month", cell: (s) => s.month || "–" },
    { title: "For", cell: (s) => reasons[s.reason] ?? s.reason },
    { title: "Sum", number: true, cell: (s) => worded(s.amount, fund.currency, digits, inOut) },
    ...(rows.some((s) => s.members) ? [{ title: "Members", number: true, cell: (s: Sum) => s.members ?? "" }] : []),
  ];
  return (
    <>
      <h1>The community's fund has {money(fund.balance)}</h1>
      {fund.owed && (
        <section>
          <h2>Owed for shared energy</h2>
          <p>
            {count(fund.owed.members, "member")} with a prepaid balance {fund.owed.members === 1 ? "owes" : "owe"} {money(fund.owed.owed)} for energy of neighbours. The fund stands in for {money(fund.owed.fund)} of it;{" "}
            {fund.owed.open > 0 ? `${money(fund.owed.open)} stay owed to the sellers.` : "nothing stays owed to the sellers."}
          </p>
        </section>
      )}
      <section>
        <h2>By month</h2>
        {rows.length === 0 ? (
          <p>Nothing has come into the fund or gone out of it yet.</p>
        ) : (
          <Table id="fund" columns={columns} rows={rows} keyOf={(s) => `${s.month} ${s.reason}`} />
        )}
        <p>
          Sums alone are shown, never an entry of one member. What the guarantee paid is told once it went to three members or more.
        </p>
      </section>
    </>
  );
}
