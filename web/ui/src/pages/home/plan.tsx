import { unbroken } from "../../ui/format";
import { told } from "../../ui/api";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import { rems, useWidth } from "../../ui/width";
import { type Box, marks, type Scale, up, within } from "../../ui/scale";
import { across, area, line, power, ribbon, stairs, type Step } from "./chart";
import type { Plan, Plans } from "./plans";
import type { Say } from "./say";
import { type Mover, why } from "./why";
import type { Words } from "./words/en";

type Point = Plan["points"][number];

interface Props {
  plans: Plans;
  devices: Mover[];
}

/** PlanSection says what the agent plans, and draws it beside the forecast. */
export function PlanSection({ plans, devices }: Props) {
  const { words } = useSpeech<Words>();
  const [plan, failed] = [plans.plan.value, plans.failed.value];
  const w = words.plan;
  return (
    <section id="plan" aria-labelledby="plan-heading">
      <h2 id="plan-heading">{w.title}</h2>
      {failed && <p class="warning">{w.failed(failed)}</p>}
      {!plan && !failed && <p>{w.reading}</p>}
      {plan?.points.map((p) => (
        <PointPlan key={p.metering_point} p={p} devices={devices} several={plan.points.length > 1} />
      ))}
    </section>
  );
}

function PointPlan({ p, devices, several }: { p: Point; devices: Props["devices"]; several: boolean }) {
  const say = useSpeech<Words>();
  const drawn = p.steps.length > 1;
  return (
    <>
      {several && <h3>{p.metering_point}</h3>}
      <p class="why">{unbroken(drawn ? why(p.steps, devices, say) : (p.why_said?.map((s) => s[say.language]).join(" ") ?? p.why))}</p>
      {p.unmet.map((text, k) => (
        <p class="warning" key={text}>
          {unbroken(told(p.unmet_said?.[k], text, say.language))}
        </p>
      ))}
      {drawn && (
        <>
          <Chart p={p} say={say} />
          <details>
            <summary>{say.words.plan.table}</summary>
            <Steps p={p} say={say} />
          </details>
        </>
      )}
    </>
  );
}

const gap = 34; // between panels, with the marks of time below the last
const left = 62;
const right = 8;

function Chart({ p, say }: { p: Point; say: Say }) {
  const [box, width] = useWidth();
  const { legend, made } = say.words.plan;
  const charged = p.steps.some((s) => s.charge);
  return (
    <figure class="chart">
      <ul class="legend">
        <li class="forecast">{legend.forecast}</li>
        <li class="net">{legend.net}</li>
        {charged && <li class="battery">{legend.battery}</li>}
        {charged && p.reserve !== undefined && p.reserve > 0 && <li class="reserve">{legend.reserve}</li>}
        <li class="buy">{legend.buy}</li>
        <li class="sell">{legend.sell}</li>
      </ul>
      <div ref={box}>{width > 0 && <Drawing p={p} say={say} width={width} charged={charged} />}</div>
      <figcaption>{p.made && made(say.format.clock(p.made), say.format.named())}</figcaption>
    </figure>
  );
}

function Drawing({ p, say, width, charged }: { p: Point; say: Say; width: number; charged: boolean }) {
  const { steps } = p;
  const { words, format } = say;
  const panel = (top: number, height: number): Box => ({ left, top, width: width - left - right, height });
  const powers = panel(18, 150);
  const charge = panel(powers.top + powers.height + gap, charged ? 80 : 0);
  const prices = panel(charged ? charge.top + charge.height + gap : charge.top, 70);
  const x = across(steps, powers);
  const kW = up(steps.flatMap((s) => [s.forecast, s.net].flatMap((b) => [power(b.low, s), power(b.high, s)])), powers);
  const full = { ...up([0, 1000], charge, 2), at: (v: number) => charge.top + charge.height - (v / 1000) * charge.height };
  const cost = up(steps.flatMap((s) => [s.buy, s.sell]), prices, 3);
  const height = prices.top + prices.height + 26;
  return (
    <svg viewBox={`0 0 ${width} ${height}`} width={rems(width)} height={rems(height)} role="img" aria-label={describe(p, say)}>
      <defs>
        <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <path d="M0,0V6" />
        </pattern>
      </defs>
      <Times x={x} say={say} tops={charged ? [powers, charge, prices] : [powers, prices]} />
      <Panel box={powers} y={kW} title={words.plan.power} label={(v) => (v === 0 ? "0" : format.watts(v).replace(/[.,]00/, ""))}>
        <path class="band forecast" d={area(steps, x, kW, (s) => [power(s.forecast.low, s), power(s.forecast.high, s)])} />
        <path class="band net" d={area(steps, x, kW, (s) => [power(s.net.low, s), power(s.net.high, s)])} />
        <path class="mean forecast" d={stairs(steps, x, kW, (s) => power(s.forecast.mean, s))} />
        <path class="mean net" d={stairs(steps, x, kW, (s) => power(s.net.mean, s))} />
      </Panel>
      {charged && (
        <Panel box={charge} y={{ ...full, marks: [0, 500, 1000] }} title={words.plan.charge} label={(v) => `${v / 10} %`}>
          <path class="band battery" d={ribbon(steps, x, full, (s) => s.charge)} />
          <path class="mean battery" d={line(steps, x, full, (s) => s.charge?.mean)} />
          {p.reserve !== undefined && p.reserve > 0 && <line class="reserve" x1={charge.left} x2={charge.left + charge.width} y1={full.at(p.reserve)} y2={full.at(p.reserve)} />}
        </Panel>
      )}
      <Panel box={prices} y={cost} title={words.plan.price} label={(v) => format.price(v).replace("/kWh", "").replace(/[.,]00/, "")}>
        <path class="mean buy" d={stairs(steps, x, cost, (s) => s.buy)} />
        <path class="mean sell" d={stairs(steps, x, cost, (s) => s.sell)} />
      </Panel>
    </svg>
  );
}

function Panel({ box, y, title, label, children }: { box: Box; y: Scale & { marks: number[] }; title: string; label: (v: number) => string; children: preact.ComponentChildren }) {
  return (
    <g>
      <text class="title" x={2} y={box.top - 7}>
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
function Times({ x, say, tops }: { x: Scale; say: Say; tops: Box[] }) {
  const { format } = say;
  const last = tops[tops.length - 1]!;
  const below = last.top + last.height;
  return (
    <g>
      {marks(x, format.zone, last.width).map((m) => (
        <g key={m.at}>
          {tops.map((b) => (
            <line class={m.midnight ? "midnight" : "rule"} x1={x.at(m.at)} x2={x.at(m.at)} y1={b.top} y2={b.top + b.height} />
          ))}
          <text class="time" x={within(x.at(m.at), last.left + last.width + right)} y={below + 17}>
            {m.midnight ? format.time(m.date, m.at) : m.hour}
          </text>
        </g>
      ))}
    </g>
  );
}

/** describe says what is drawn to who does not see it. */
function describe(p: Point, { words, format }: Say): string {
  const sum = (of: (s: Step) => number) => p.steps.reduce((total, s) => total + of(s), 0);
  const taken = sum((s) => Math.max(0, s.net.mean));
  const given = sum((s) => Math.max(0, -s.net.mean));
  const charges = p.steps.flatMap((s) => (s.charge ? [{ at: s.start, charge: s.charge.mean }] : []));
  const most = charges.reduce((a, b) => (b.charge > a.charge ? b : a), charges[0] ?? { at: "", charge: 0 });
  const battery = most.at ? words.plan.fullest(`${format.day(most.at)} ${format.clock(most.at)}`, format.full(most.charge)) : "";
  return words.plan.drawn(p.steps.length, format.energy(taken), format.energy(given), battery);
}

function Steps({ p, say }: { p: Point; say: Say }) {
  const { words, format } = say;
  const w = words.plan;
  const when = (s: Step) => `${format.time({ day: "numeric", month: "numeric" }, s.start)} ${format.clock(s.start)}`;
  const way = (wh: number) => (wh === 0 ? w.nothing : (wh > 0 ? w.takes : w.gives)(format.energy(wh)));
  const charge: Column<Step>[] = p.steps.some((s) => s.charge)
    ? [{ title: w.columns.charge, number: true, cell: (s) => (s.charge ? `${format.full(s.charge.mean)} (${format.full(s.charge.low)}–${format.full(s.charge.high)})` : "–") }]
    : [];
  const columns: Column<Step>[] = [
    { title: w.columns.from, cell: when },
    { title: w.columns.forecast, number: true, cell: (s) => way(s.forecast.mean) },
    { title: w.columns.planned, number: true, cell: (s) => way(s.net.mean) },
    ...charge,
    { title: w.columns.devices, cell: (s) => s.devices.filter((d) => d.energy !== 0).map((d) => `${d.device} ${way(d.energy)}`).join(", ") || "–" },
    { title: w.columns.costs, number: true, cell: (s) => format.price(s.buy) },
    { title: w.columns.brings, number: true, cell: (s) => format.price(s.sell) },
  ];
  return <Table columns={columns} rows={p.steps} keyOf={(s) => s.start} />;
}
