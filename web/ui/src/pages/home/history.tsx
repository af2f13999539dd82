// The past of the home: one range for all of it, energies with both directions apart, money, and the period before.
import { Alert } from "../../ui/alert";
import { Chart, type Series } from "../../ui/chart";
import { instants, today } from "../../ui/range";
import { RangeControl } from "../../ui/range_control";
import { useSpeech } from "../../ui/speech";
import type { Past, Row, Shown } from "./past";
import type { Words } from "./words/en";

export function HistorySection({ past, now }: { past: Past; now: string }) {
  const { words, format } = useSpeech<Words>();
  const { own } = words;
  const shown = past.shown.value;
  return (
    <section id="history" aria-labelledby="history-heading">
      <h2 id="history-heading">{own.history.heading}</h2>
      <RangeControl range={past.range} today={today(now, format.zone)} />
      {past.failed.value && <Alert>{own.history.failed(past.failed.value)}</Alert>}
      {shown ? <Charts past={past} shown={shown} /> : <p class="hint">{own.history.waiting}</p>}
    </section>
  );
}

const start = (r: Row) => Date.parse(r.start);
const end = (r: Row) => Date.parse(r.end);

function Charts({ past, shown }: { past: Past; shown: Shown }) {
  const { words, format } = useSpeech<Words>();
  const { history } = words.own;
  const compare = past.range.compare.value && shown.energies.some((r) => r.before);
  const long = shown.step === "1d" || shown.step === "1mo";
  const when = long ? (r: Row) => format.time(shown.step === "1d" ? { weekday: "short", day: "numeric", month: "long" } : { month: "long", year: "numeric" }, r.start) : undefined;
  const has = (of: (r: Row) => number | undefined) => shown.energies.some((r) => of(r) !== undefined);
  const energies: (Series<Row> | false)[] = [
    has((r) => r.solar) && { name: "solar", label: history.solar, kind: "bars", value: (r) => r.solar },
    { name: "import", label: history.import, kind: "bars", value: (r) => r.import },
    has((r) => r.battery_out) && { name: "battery", label: history.batteryOut, kind: "bars", value: (r) => r.battery_out },
    { name: "export", label: history.export, kind: "bars", down: true, hatched: true, value: (r) => r.export },
    has((r) => r.battery_in) && { name: "stored", label: history.batteryIn, kind: "bars", down: true, value: (r) => r.battery_in },
    has((r) => r.charger) && { name: "charger", label: history.charger, kind: "bars", down: true, value: (r) => r.charger },
    has((r) => r.home) && { name: "home", label: history.home, kind: "bars", down: true, value: (r) => r.home },
    compare && { name: "before", label: history.before(history.import), kind: "stairs", value: (r) => r.before?.import },
  ];
  const money: (Series<Row> | false)[] = [
    { name: "solar", label: history.earned, kind: "bars", value: (r) => r.earned },
    { name: "import", label: history.cost, kind: "bars", down: true, hatched: true, value: (r) => r.cost },
    compare && { name: "before", label: history.before(history.earned), kind: "stairs", value: (r) => r.before?.earned },
  ];
  const { from, to } = instants(shown.days, format.zone);
  const drawn = { start, end, when, from: Date.parse(from), until: Date.parse(to) };
  const known = shown.energies.filter((r) => r.quality !== "missing");
  return (
    <>
      <h3>{history.energy}</h3>
      <Chart title={history.energy} points={shown.energies} {...drawn} series={energies.filter((s) => s !== false)} show={(v, most) => format.energy(v, most)} csv={past.csv(shown.step)}>
        {known.length > 0 && <p class="hint">{gaps(shown.energies, history)}</p>}
      </Chart>
      <h3>{history.money}</h3>
      <Chart title={history.money} points={shown.money} {...drawn} series={money.filter((s) => s !== false)} show={(v, most) => format.money(v, most)} csv={past.csv(shown.step === "5m" ? "15m" : shown.step)}>
        <p class="hint">{total(shown.money, history, (m) => format.money(m))}</p>
      </Chart>
    </>
  );
}

type Said = Words["own"]["history"];

/** gaps says what of a range is not known, or not settled yet, or estimated. */
export function gaps(all: Row[], said: Said): string {
  const of = (quality: string) => all.filter((r) => r.quality === quality).length;
  const lacking = [...new Set(all.flatMap((r) => r.lacking ?? []))].sort();
  return [
    of("missing") > 0 && said.missing(of("missing"), all.length),
    of("partial") > 0 && said.partial(of("partial")),
    of("provisional") > 0 && said.provisional,
    of("estimated") > 0 && said.estimated,
    lacking.length > 0 && said.lacking(lacking.map((name) => said.series[name as keyof Said["series"]] ?? name)),
  ]
    .filter(Boolean)
    .join(" ") || said.whole;
}

/** total says what the settled steps of a range came to. */
export function total(all: Row[], said: Said, money: (m: number) => string): string {
  const settled = all.filter((r) => r.cost !== undefined);
  if (settled.length === 0) return said.unsettled;
  const sum = (of: (r: Row) => number | undefined) => settled.reduce((n, r) => n + (of(r) ?? 0), 0);
  const savings = sum((r) => r.savings);
  return said.total(money(sum((r) => r.earned)), money(sum((r) => r.cost)), money(savings), savings >= 0);
}
