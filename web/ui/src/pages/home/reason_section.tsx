// Why this price: the curves of the interval's auction with the own orders marked, the price, the line that is
// full and what that costs, one sentence, and the check of the public record.
import { useState } from "preact/hooks";
import { unbroken } from "../../ui/format";
import { type Box, within } from "../../ui/scale";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import { rems, useWidth } from "../../ui/width";
import { along, type CurveStep, type Level, levels, meeting, prices, stairs } from "./curves";
import { byOutcome, type Order } from "./orders";
import type { Reason, WhyPrice } from "./reason";
import type { Say as Speaks } from "./say";
import type { PriceWords } from "./words/price_en";

/** Say has the words of this section in place of the page's. */
type Say = Pick<Speaks, "format"> & { words: PriceWords };

export function ReasonSection({ reason, words }: { reason: Reason; words: PriceWords }) {
  const { format } = useSpeech();
  const say = { words, format };
  const [interval, why] = [reason.interval.value, reason.value.value];
  if (!interval) return null;
  return (
    <>
      <p class="actions turn">
        <button type="button" aria-label={words.before} onClick={() => reason.move(-1)}>
          ‹
        </button>
        <strong aria-live="polite">
          {format.day(interval.start)}, {format.span(interval)}
        </strong>
        <button type="button" aria-label={words.after} disabled={why ? !why.closed : false} onClick={() => reason.move(1)}>
          ›
        </button>
      </p>
      {reason.failed.value && <p class="warning">{words.failed(reason.failed.value)}</p>}
      {!why && !reason.failed.value && <p>{words.reading}</p>}
      {why && <Shown why={why} say={say} />}
      {why?.closed && why.price !== undefined && <Check key={interval.start} reason={reason} words={words} />}
    </>
  );
}

/** told says the reason in one sentence, after the price. */
export function told({ price, gate, reason: r, best }: WhyPrice, { words, format }: Say): string {
  const { kind, low, high } = r;
  if (kind === "open") {
    const waits = [best.bid !== undefined && words.bestBid(format.price(best.bid)), best.offer !== undefined && words.bestOffer(format.price(best.offer))];
    return [words.kinds.open(format.clock(gate)), ...waits.filter((text) => text !== false)].join(" ");
  }
  const [from, to] = [low, high].map((p) => (p === undefined ? "" : format.price(p)));
  const range = kind === "half_way" && from && to && from !== to ? words.between(from, to) : "";
  return `${price === undefined ? "" : words.price(format.price(price))}${words.kinds[kind]}${range}`;
}

function Shown({ why, say }: { why: WhyPrice; say: Say }) {
  const { words, format } = say;
  return (
    <>
      <p class="why" id="reason">
        {unbroken(told(why, say))}
      </p>
      {why.lines.map((l) => (
        <p class="warning" key={l.node}>
          {unbroken(words.line(l.node, format.energy(l.limit), format.price(l.gain), format.money(l.rent)))}
        </p>
      ))}
      {why.supply.length + why.demand.length > 0 && <Curves why={why} say={say} />}
      {why.own.length > 0 && <Own why={why} say={say} />}
    </>
  );
}

function Curves({ why, say }: { why: WhyPrice; say: Say }) {
  const { words } = say;
  const [box, width] = useWidth();
  const [open, toggle] = useState(false);
  const own = [...why.supply, ...why.demand].some((s) => s.own);
  return (
    <figure class="chart curves">
      <ul class="legend">
        <li class="demand">{words.demand}</li>
        <li class="supply dashed">{words.supply}</li>
        {own && <li class="own">{words.own}</li>}
        {why.price !== undefined && <li class="at dashed">{words.at}</li>}
      </ul>
      <div ref={box}>{width > 0 && <Drawing why={why} say={say} width={width} />}</div>
      <details onToggle={(e) => toggle(e.currentTarget.open)}>
        <summary>{words.steps}</summary>
        {open && <Steps why={why} say={say} />}
      </details>
    </figure>
  );
}

function Drawing({ why, say, width }: { why: WhyPrice; say: Say; width: number }) {
  const { words, format } = say;
  const box: Box = { left: 76, top: 8, width: width - 76 - 12, height: 210 };
  const [supply, demand] = [levels(why.supply), levels(why.demand)];
  const volume = meeting(supply, demand);
  const x = along(supply, demand, volume, box);
  const seen = (l: Level[]) => l.filter((s) => s.from < x.to);
  const y = prices([...seen(supply), ...seen(demand)], why.price, box);
  const below = box.top + box.height;
  return (
    <svg viewBox={`0 0 ${width} ${below + 40}`} width={rems(width)} height={rems(below + 40)} role="img" aria-label={why.price === undefined ? told(why, say) : words.drawn(format.price(why.price), format.energy(volume))}>
      {y.marks.map((v) => (
        <g key={v}>
          <line class={v === 0 ? "zero" : "rule"} x1={box.left} x2={box.left + box.width} y1={y.at(v)} y2={y.at(v)} />
          <text class="mark" x={box.left - 6} y={y.at(v) + 4}>
            {format.price(v).replace("/kWh", "").replace(/[.,]00/, "")}
          </text>
        </g>
      ))}
      {x.marks.map((v) => (
        <text key={v} class="time" x={within(x.at(v), width)} y={below + 17}>
          {format.energy(v)}
        </text>
      ))}
      <text class="time title" x={width / 2} y={below + 35}>
        {words.axis}
      </text>
      <path class="mean demand" d={stairs(seen(demand), x, y, y.from)} />
      <path class="mean supply dashed" d={stairs(seen(supply), x, y, y.to)} />
      {[...seen(supply), ...seen(demand)].filter((l) => l.own).map((l) => (
        <g key={`${l.price} ${l.from}`} class="own">
          <line x1={x.at(l.from)} x2={Math.max(x.at(l.to), x.at(l.from) + 3)} y1={y.at(l.price)} y2={y.at(l.price)} />
          <circle cx={(x.at(l.from) + x.at(l.to)) / 2} cy={y.at(l.price)} r={5} />
        </g>
      ))}
      {why.price !== undefined && <line class="at" x1={box.left} x2={box.left + box.width} y1={y.at(why.price)} y2={y.at(why.price)} />}
      {volume > 0 && <line class="at" x1={x.at(volume)} x2={x.at(volume)} y1={box.top} y2={below} />}
    </svg>
  );
}

interface Row extends CurveStep {
  side: "bid" | "offer";
  key: string;
}

function Steps({ why, say }: { why: WhyPrice; say: Say }) {
  const { words, format } = say;
  const rows: Row[] = (["demand", "supply"] as const).flatMap((name) => why[name].map((s, k) => ({ ...s, side: name === "demand" ? ("bid" as const) : ("offer" as const), key: `${name} ${k}` })));
  const w = words.columns;
  const columns: Column<Row>[] = [
    { title: w.side, cell: (s) => words[s.side] },
    { title: w.price, number: true, cell: (s) => format.price(s.price) },
    { title: w.energy, number: true, of: (s) => s.energy, cell: (s, most) => format.energy(s.energy, most) },
    { title: w.traded, number: true, of: (s) => s.filled, cell: (s, most) => format.energy(s.filled, most) },
    { title: w.whose, cell: (s) => (s.line ? words.overLine(s.line) : s.own ? words.yours : words.others) },
  ];
  return <Table columns={columns} rows={rows} keyOf={(s) => s.key} mark={(s) => (s.own ? "own" : undefined)} narrow="cards" />;
}

function Own({ why, say }: { why: WhyPrice; say: Say }) {
  const { words, format } = say;
  const w = words.columns;
  const { live, idle } = byOutcome(why.own);
  const columns: Column<Order>[] = [
    { title: w.side, cell: (o) => words[o.side] },
    { title: w.energy, number: true, of: (o) => o.energy, cell: (o, most) => format.energy(o.energy, most) },
    { title: w.price, number: true, cell: (o) => format.price(o.price) },
    { title: w.traded, number: true, of: (o) => o.filled, cell: (o, most) => (o.mean === undefined ? format.energy(o.filled, most) : `${format.energy(o.filled, most)} · ${format.price(o.mean)}`) },
    { title: words.status, cell: (o) => words.states[o.status] ?? o.status },
  ];
  return (
    <>
      {live.length > 0 && <Table id="own-orders" caption={words.orders} columns={columns} rows={live} keyOf={(o) => o.client_id} narrow="cards" />}
      {idle.length > 0 && (
        <details id="idle-orders">
          <summary>{words.idle(idle.length)}</summary>
          <Table columns={columns} rows={idle} keyOf={(o) => o.client_id} narrow="cards" />
        </details>
      )}
    </>
  );
}

function Check({ reason, words }: { reason: Reason; words: PriceWords }) {
  const [busy, work] = useState(false);
  const [record, verdict] = [reason.record.value, reason.verdict.value];
  const check = () => {
    work(true);
    void reason.check().finally(() => work(false));
  };
  return (
    <div id="check">
      {!verdict && (
        <button type="button" disabled={busy} onClick={check}>
          {busy ? words.checking : words.check}
        </button>
      )}
      <div role="status">
        {verdict && record && verdict.wrong.length === 0 && <p>✓ {words.right(record.steps.length, record.nodes.length)}</p>}
        {verdict && verdict.wrong.length > 0 && (
          <div class="warning">
            <p>✕ {words.wrong}</p>
            <ul>
              {verdict.wrong.map((w) => (
                <li key={`${w.condition} ${w.node}`}>{words.conditions[w.condition](w.node)}</li>
              ))}
            </ul>
          </div>
        )}
      </div>
    </div>
  );
}
