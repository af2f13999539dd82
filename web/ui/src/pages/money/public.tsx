// What all may see who look at the pages: tariffs, and the fund by month.
import { told } from "../../ui/api";
import { type Column, Table } from "../../ui/table";
import { How } from "../../ui/figure";
import { type Sums, useSums } from "./format";
import type { Fund as FundState, TariffNow, Tariffs as All } from "./store";

type Period = NonNullable<TariffNow["today"]>[number];
type Component = Period["components"][number];

export function Tariffs({ all }: { all: All }) {
  const sums = useSums();
  return (
    <>
      <h1>{sums.words.tariffs.title}</h1>
      <p>{sums.words.tariffs.at(sums.day(all.time, all.zone), sums.clock(all.time, all.zone), all.zone)}</p>
      {all.tariffs.map((t) => (
        <Tariff key={t.name} t={t} all={all} />
      ))}
    </>
  );
}

function Tariff({ t, all }: { t: TariffNow; all: All }) {
  const sums = useSums();
  const w = sums.words.tariffs;
  const today = t.today ?? [];
  const now = Date.parse(all.time);
  const unit = sums.unit(all.currency);
  const current = (p: Period) => (Date.parse(p.from) <= now && now < Date.parse(p.until) ? "own" : undefined);
  return (
    <section>
      <h2>
        {t.name}
        {t.name === all.usual && ` (${w.usual})`}
      </h2>
      {t.problem && <p class="warning">{w.noPrice(told(t.said, t.problem, sums.format.language))}</p>}
      <Table narrow="cards" caption={`${w.today(unit)}${taxed(today, sums)}`} columns={prices(all, sums)} rows={today} keyOf={(p) => p.from} mark={current} />
      {today.some((p) => p.components.length > 1) && (
        <details>
          <summary>{w.sum}</summary>
          <Table caption={w.components(unit)} columns={components(today, all, sums)} rows={today} keyOf={(p) => p.from} mark={current} />
        </details>
      )}
      <How of={t.name}>
        <p>{w.how.formula}</p>
        <p>{source(t, sums)}</p>
        <p>{w.how.age(sums.moment(all.time, all.zone), all.zone)}</p>
      </How>
      <h3>{w.versions}</h3>
      <ul>
        {t.versions.map((v) => (
          <li key={v.version}>
            <strong>{v.version}</strong>
            {v.valid_from ? w.from(sums.named(v.valid_from)) : w.always}: {v.components.map((c) => sums.component(c)).join(", ")}
          </li>
        ))}
      </ul>
      {t.series && <p>{t.series.prices === 0 ? w.noSeries : w.series(t.series.prices, t.series.minutes, sums.moment(t.series.from ?? "", all.zone), sums.moment(t.series.until ?? "", all.zone))}</p>}
    </section>
  );
}

/** source names the version that counts now. */
function source(t: TariffNow, sums: Sums): string {
  const { how } = sums.words.tariffs;
  const version = t.versions.find((v) => v.version === t.now?.version) ?? t.versions.at(-1);
  return how.source(version?.version ?? t.name, version?.valid_from ? how.since(sums.named(version.valid_from)) : how.always);
}

/** taxed says whether the prices contain the value-added tax. */
export function taxed(today: Period[], sums: Sums): string {
  const w = sums.words.tariffs;
  const all = today.flatMap((p) => p.components).filter((c) => c.vat);
  const rates = sums.words.and([...new Set(all.map((c) => sums.percent(c.vat ?? 0)))]);
  if (all.length === 0) return "";
  const gross = all.every((c) => c.gross);
  if (!gross && all.some((c) => c.gross)) return w.vatMixed(rates);
  return gross ? w.vatIn(rates) : w.vatOn(rates);
}

function prices(all: All, sums: Sums): Column<Period>[] {
  const w = sums.words.tariffs;
  const show = (of: (p: NonNullable<Period["price"]>) => number) => (p: Period) => (p.price ? sums.priceIn(of(p.price), all.currency) : "–");
  return [
    { title: sums.words.localTime, cell: (p) => sums.times(p.from, p.until, all.zone) },
    { title: w.taken, number: true, cell: show((p) => p.retail) },
    { title: w.community, number: true, cell: show((p) => p.community ?? 0) },
    { title: w.avoids, number: true, cell: show((p) => p.retail - (p.community ?? 0)) },
    { title: w.given, number: true, cell: show((p) => p.feed_in) },
  ];
}

function components(today: Period[], all: All, sums: Sums): Column<Period>[] {
  const named = new Map<string, Component>();
  for (const c of today.flatMap((p) => p.components)) named.set(`${c.export ? "given" : "taken"} ${c.component}`, c);
  const price = (c: Component | undefined) => {
    if (!c) return "–";
    return c.community ? `${sums.priceIn(c.price, all.currency)} (${sums.priceIn(c.community, all.currency)})` : sums.priceIn(c.price, all.currency);
  };
  return [
    { title: sums.words.localTime, cell: (p) => sums.times(p.from, p.until, all.zone) },
    ...[...named.values()].map((n): Column<Period> => ({
      title: n.export ? sums.words.tariffs.ofGiven(sums.component(n.component)) : sums.component(n.component),
      number: true,
      cell: (p) => price(p.components.find((c) => c.component === n.component && Boolean(c.export) === Boolean(n.export))),
    })),
  ];
}

type Sum = FundState["months"][number]["sums"][number] & { month: string };

export function Fund({ fund, site }: { fund: FundState | null; site: All }) {
  const sums = useSums();
  const w = sums.words.fund;
  if (!fund) return <p class="waiting">{w.waiting}</p>;
  const digits = site.minor_digits;
  const money = (m: number) => sums.amount(m, fund.currency, digits);
  const rows: Sum[] = fund.months.flatMap((m) => m.sums.map((s) => ({ ...s, month: m.month })));
  const columns: Column<Sum>[] = [
    { title: sums.words.month, cell: (s) => s.month || "–" },
    { title: w.for, cell: (s) => w.reasons[s.reason] ?? s.reason },
    { title: w.sum, number: true, cell: (s) => sums.worded(s.amount, fund.currency, digits, sums.words.of.fund) },
    ...(rows.some((s) => s.members) ? [{ title: w.members, number: true, cell: (s: Sum) => s.members ?? "" }] : []),
  ];
  return (
    <>
      <h1>{w.title(money(fund.balance))}</h1>
      <section>
        <How of={w.title(money(fund.balance))}>
          <p>{w.how.formula}</p>
          <p>{w.how.source}</p>
          <p>{w.how.age(sums.moment(site.time, site.zone), site.zone)}</p>
        </How>
      </section>
      {fund.owed && (
        <section>
          <h2>{w.owed}</h2>
          <p>{w.owes(fund.owed.members, money(fund.owed.owed), money(fund.owed.fund), fund.owed.open > 0 ? money(fund.owed.open) : "")}</p>
        </section>
      )}
      <section>
        <h2>{w.byMonth}</h2>
        {rows.length === 0 ? <p>{w.nothing}</p> : <Table id="fund" columns={columns} rows={rows} keyOf={(s) => `${s.month} ${s.reason}`} />}
        <p>{w.note}</p>
      </section>
    </>
  );
}
