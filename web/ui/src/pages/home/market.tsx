// What the community's market did lately.
import type { ComponentChildren } from "preact";
import { useSpeech } from "../../ui/speech";
import { Figure } from "../../ui/figure";
import type { Schemas } from "../../ui/api";
import type { Clearing, Trade } from "../../ui/state";
import { type Column, Table } from "../../ui/table";
import type { Words } from "./words/en";

/** shown is how many of the latest a table has. */
const shown = 10;

/** Trades are the latest ones; those of the home stand out. Who is on the other side is not always told. */
export function Trades({ trades, home }: { trades: Trade[]; home: string }) {
  const { words, format } = useSpeech<Words>();
  const w = words.trades;
  const columns: Column<Trade>[] = [
    { title: w.columns.for, cell: (t) => format.span(t.interval) },
    { title: w.columns.from, cell: (t) => t.seller || w.neighbour },
    { title: w.columns.to, cell: (t) => t.buyer || w.neighbour },
    { title: w.columns.energy, number: true, of: (t) => t.energy, cell: (t, most) => format.energy(t.energy, most) },
    { title: w.columns.price, number: true, cell: (t) => format.price(t.price) },
  ];
  const own = (t: Trade) => (t.buyer === home || t.seller === home ? "own" : undefined);
  return (
    <Latest heading={w.title} none={w.none}>
      {trades.length > 0 && <Table id="trades" columns={columns} rows={trades.slice(0, shown)} keyOf={(t) => t.seq} mark={own} />}
    </Latest>
  );
}

/** Intervals are the latest that were cleared. */
export function Intervals({ intervals }: { intervals: Clearing[] }) {
  const { words, format } = useSpeech<Words>();
  const w = words.intervals;
  const settlement = (c: Clearing) => (c.settled ? [w.settled, c.estimated && w.estimated, c.provisional && w.provisional].filter(Boolean).join(", ") : w.open);
  const columns: Column<Clearing>[] = [
    { title: w.columns.interval, cell: (c) => format.span(c.interval) },
    { title: w.columns.traded, number: true, of: (c) => c.volume, cell: (c, most) => format.energy(c.volume, most) },
    { title: w.columns.price, number: true, cell: (c) => (c.price === undefined ? "–" : format.price(c.price)) },
    { title: w.columns.settlement, cell: settlement },
  ];
  const rows = intervals.slice(0, shown);
  const meant = [rows.some((c) => c.estimated) && w.meant.estimated, rows.some((c) => c.provisional) && w.meant.provisional].filter(Boolean);
  return (
    <Latest heading={w.title} none={w.none}>
      {rows.length > 0 && <Table id="intervals" columns={columns} rows={rows} keyOf={(c) => c.interval.start} />}
      {meant.length > 0 && <p class="hint">{meant.join(" ")}</p>}
    </Latest>
  );
}

/** Together is what the homes of the community do now in sums; those that are not told are left out. */
export function Together({ sums }: { sums: Schemas["Sums"] }) {
  const { words, format } = useSpeech<Words>();
  const w = words.together;
  const all = (["consumption", "solar", "import", "export"] as const).flatMap((name) => (sums[name] === undefined ? [] : [{ name, value: format.watts(sums[name]) }]));
  return (
    <section id="together">
      <h2>{w.title}</h2>
      <div class="row">
        {all.map(({ name, value }) => (
          <Figure key={name} label={w[name]} value={value} how={<><p>{w.how[name]}</p><p>{w.source}</p></>} />
        ))}
      </div>
      <p class="hint">{w.of(sums.homes)}</p>
    </section>
  );
}

function Latest({ heading, none, children }: { heading: string; none: string; children: ComponentChildren }) {
  return (
    <section>
      <h2>{heading}</h2>
      {children || <p>{none}</p>}
    </section>
  );
}
