import { useEffect, useRef, useState } from "preact/hooks";
import { clock, count, energy, full, price, watts } from "../../ui/english";
import { unbroken } from "../../ui/format";
import { type Column, Table } from "../../ui/table";
import { named, wall } from "../../ui/zone";
import { type Box, marks, type Scale, up } from "../../ui/scale";
import { across, area, line, power, ribbon, stairs, type Step } from "./chart";
import type { Plan } from "./plans";

type Point = Plan["points"][number];

/** PlanSection says what the agent plans, and draws it beside the forecast. */
export function PlanSection({ plan, failed, currency }: { plan: Plan | null; failed: string; currency: string }) {
  return (
    <section id="plan" aria-labelledby="plan-heading">
      <h2 id="plan-heading">Plan for the coming two days</h2>
      {failed && <p class="warning">The plan could not be read again: {failed}</p>}
      {!plan && !failed && <p>Reading the plan…</p>}
      {plan?.points.map((p) => (
        <PointPlan key={p.metering_point} p={p} zone={plan.zone} currency={currency} several={plan.points.length > 1} />
      ))}
    </section>
  );
}

function PointPlan({ p, zone, currency, several }: { p: Point; zone: string; currency: string; several: boolean }) {
  return (
    <>
      {several && <h3>{p.metering_point}</h3>}
      <p class="why">{unbroken(p.why)}</p>
      {p.unmet.map((text) => (
        <p class="warning" key={text}>
          {unbroken(text)}
        </p>
      ))}
      {p.steps.length > 1 && (
        <>
          <Chart p={p} zone={zone} currency={currency} />
          <details>
            <summary>The plan as a table</summary>
            <Steps p={p} zone={zone} currency={currency} />
          </details>
        </>
      )}
    </>
  );
}

/** made says how old the plan is. */
function made(p: Point, zone: string): string {
  return p.made ? `Planned at ${clock(p.made, zone)}, anew at every interval; ${named(zone)}.` : "";
}

/** useWidth is how wide an element is, in pixels. */
function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, set] = useState(0);
  useEffect(() => {
    const at = box.current;
    if (!at) return;
    const watch = new ResizeObserver(() => set(at.clientWidth));
    watch.observe(at);
    return () => watch.disconnect();
  }, []);
  return [box, width] as const;
}

const gap = 34; // between panels, with the marks of time below the last
const left = 62;

function Chart({ p, zone, currency }: { p: Point; zone: string; currency: string }) {
  const [box, width] = useWidth();
  const charged = p.steps.some((s) => s.charge);
  return (
    <figure class="chart">
      <ul class="legend">
        <li class="forecast">Forecast without what the plan moves, 80 % band hatched</li>
        <li class="net">Planned at the connection meter, 80 % band filled</li>
        {charged && <li class="battery">Charge of the battery, with its band</li>}
        {charged && p.reserve !== undefined && p.reserve > 0 && <li class="reserve">Reserve for a blackout</li>}
        <li class="buy">What a kWh more costs</li>
        <li class="sell">What a kWh more out brings</li>
      </ul>
      <div ref={box}>{width > 0 && <Drawing p={p} zone={zone} currency={currency} width={width} charged={charged} />}</div>
      <figcaption>{made(p, zone)}</figcaption>
    </figure>
  );
}

function Drawing({ p, zone, currency, width, charged }: { p: Point; zone: string; currency: string; width: number; charged: boolean }) {
  const { steps } = p;
  const panel = (top: number, height: number): Box => ({ left, top, width: width - left - 8, height });
  const powers = panel(18, 150);
  const charge = panel(powers.top + powers.height + gap, charged ? 80 : 0);
  const prices = panel(charged ? charge.top + charge.height + gap : charge.top, 70);
  const x = across(steps, powers);
  const kW = up(steps.flatMap((s) => [s.forecast, s.net].flatMap((b) => [power(b.low, s), power(b.high, s)])), powers);
  const full = { ...up([0, 1000], charge, 2), at: (v: number) => charge.top + charge.height - (v / 1000) * charge.height };
  const cost = up(steps.flatMap((s) => [s.buy, s.sell]), prices, 3);
  return (
    <svg width={width} height={prices.top + prices.height + 26} role="img" aria-label={describe(p, zone)}>
      <defs>
        <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <path d="M0,0V6" />
        </pattern>
      </defs>
      <Times x={x} zone={zone} tops={charged ? [powers, charge, prices] : [powers, prices]} />
      <Panel box={powers} y={kW} title="Power: takes above 0, gives below" label={(v) => (v === 0 ? "0" : watts(v).replace(".00", ""))}>
        <path class="band forecast" d={area(steps, x, kW, (s) => [power(s.forecast.low, s), power(s.forecast.high, s)])} />
        <path class="band net" d={area(steps, x, kW, (s) => [power(s.net.low, s), power(s.net.high, s)])} />
        <path class="mean forecast" d={stairs(steps, x, kW, (s) => power(s.forecast.mean, s))} />
        <path class="mean net" d={stairs(steps, x, kW, (s) => power(s.net.mean, s))} />
      </Panel>
      {charged && (
        <Panel box={charge} y={{ ...full, marks: [0, 500, 1000] }} title="Charge" label={(v) => `${v / 10} %`}>
          <path class="band battery" d={ribbon(steps, x, full, (s) => s.charge)} />
          <path class="mean battery" d={line(steps, x, full, (s) => s.charge?.mean)} />
          {p.reserve !== undefined && p.reserve > 0 && <line class="reserve" x1={charge.left} x2={charge.left + charge.width} y1={full.at(p.reserve)} y2={full.at(p.reserve)} />}
        </Panel>
      )}
      <Panel box={prices} y={cost} title="Price of a kWh" label={(v) => price(v, currency).replace("/kWh", "").replace(".00", "")}>
        <path class="mean buy" d={stairs(steps, x, cost, (s) => s.buy)} />
        <path class="mean sell" d={stairs(steps, x, cost, (s) => s.sell)} />
      </Panel>
    </svg>
  );
}

function Panel({ box, y, title, label, children }: { box: Box; y: Scale & { marks: number[] }; title: string; label: (v: number) => string; children: preact.ComponentChildren }) {
  return (
    <g>
      <text class="title" x={box.left} y={box.top - 7}>
        {title}
      </text>
      {y.marks.map((v) => (
        <g key={v}>
          <line class={v === 0 ? "zero" : "rule"} x1={box.left} x2={box.left + box.width} y1={y.at(v)} y2={y.at(v)} />
          <text class="mark" x={box.left - 6} y={y.at(v) + 4}>
            {label(v)}
          </text>
        </g>
      ))}
      {children}
    </g>
  );
}

/** Times marks hours below the last panel, and the beginning of days through all. */
function Times({ x, zone, tops }: { x: Scale; zone: string; tops: Box[] }) {
  const last = tops[tops.length - 1]!;
  const below = last.top + last.height;
  return (
    <g>
      {marks(x, zone, last.width).map((m) => (
        <g key={m.at}>
          {tops.map((b) => (
            <line class={m.midnight ? "midnight" : "rule"} x1={x.at(m.at)} x2={x.at(m.at)} y1={b.top} y2={b.top + b.height} />
          ))}
          <text class="time" x={x.at(m.at)} y={below + 17}>
            {m.midnight ? weekday(m.at, zone) : m.hour}
          </text>
        </g>
      ))}
    </g>
  );
}

function weekday(at: number, zone: string): string {
  return new Intl.DateTimeFormat("en-GB", { weekday: "short", timeZone: zone }).format(new Date(at));
}

/** describe says what is drawn to who does not see it. */
function describe(p: Point, zone: string): string {
  const sum = (of: (s: Step) => number) => p.steps.reduce((total, s) => total + of(s), 0);
  const taken = sum((s) => Math.max(0, s.net.mean));
  const given = sum((s) => Math.max(0, -s.net.mean));
  const charges = p.steps.flatMap((s) => (s.charge ? [{ at: s.start, charge: s.charge.mean }] : []));
  const most = charges.reduce((a, b) => (b.charge > a.charge ? b : a), charges[0] ?? { at: "", charge: 0 });
  const battery = most.at ? ` The battery is fullest at ${wall(Date.parse(most.at), zone).replace("T", " ")}, with ${full(most.charge)}.` : "";
  return `Drawing of the plan over ${count(p.steps.length, "step")}: the connection takes ${energy(Math.round(taken))} and gives ${energy(Math.round(given))}.${battery} The table below has all numbers.`;
}

function Steps({ p, zone, currency }: { p: Point; zone: string; currency: string }) {
  const when = (s: Step) => `${wall(Date.parse(s.start), zone).slice(5, 10).split("-").reverse().join(".")}. ${clock(s.start, zone)}`;
  const way = (wh: number) => (wh === 0 ? "nothing" : `${wh > 0 ? "takes" : "gives"} ${energy(wh)}`);
  const charge: Column<Step>[] = p.steps.some((s) => s.charge)
    ? [{ title: "Charge then", number: true, cell: (s) => (s.charge ? `${full(s.charge.mean)} (${full(s.charge.low)}–${full(s.charge.high)})` : "–") }]
    : [];
  const columns: Column<Step>[] = [
    { title: "From", cell: when },
    { title: "Forecast", number: true, cell: (s) => way(s.forecast.mean) },
    { title: "Planned", number: true, cell: (s) => way(s.net.mean) },
    ...charge,
    { title: "Devices", cell: (s) => s.devices.filter((d) => d.energy !== 0).map((d) => `${d.device} ${way(d.energy)}`).join(", ") || "–" },
    { title: "Costs", number: true, cell: (s) => price(s.buy, currency) },
    { title: "Brings", number: true, cell: (s) => price(s.sell, currency) },
  ];
  return (
    <Table columns={columns} rows={p.steps} keyOf={(s) => s.start} />
  );
}
