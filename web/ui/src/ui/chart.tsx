// A drawing of values over time, with all that belongs to one: a legend, a reading of single values by
// pointer and keyboard, and the numbers as a table and as a file.
import { type ComponentChildren } from "preact";
import { useId, useMemo, useState } from "preact/hooks";
import { bars, type Drawn, outline } from "./drawing";
import { type Box, marks, type Scale, up, within } from "./scale";
import { useSpeech } from "./speech";
import { type Column, Table } from "./table";
import { rems, useWidth } from "./width";

/** Series is one value of each point. */
export interface Series<P> {
  /** name is its class, by which it has its colour: solar, import, export, battery, home, charger, price, money, before. */
  name: string;
  label: string;
  /** bars stand on the nothing, beside or upon each other; a line goes through the middles, stairs from start to end. */
  kind: "bars" | "line" | "stairs";
  /** value is positive; undefined where it is not known, which is drawn as a gap. */
  value: (p: P) => number | undefined;
  /** down: drawn below the nothing, because it goes out. */
  down?: boolean;
  /** hatched bars and dashed lines are told apart without their colour. */
  hatched?: boolean;
  dashed?: boolean;
}

interface Props<P> {
  title: string;
  points: P[];
  /** start and end of a point, in ms. */
  start: (p: P) => number;
  end: (p: P) => number;
  series: Series<P>[];
  /** show is a value with its unit, which is that of the greatest that stands beside it. */
  show: (value: number, greatest: number) => string;
  /** when names a point; without it by its times. */
  when?: (p: P) => string;
  /** columns of the table; without them the values of the series. */
  columns?: Column<P>[];
  /** csv is where the numbers come as a file. */
  csv?: string;
  height?: number;
  /** from and until are what the drawing is of, in ms; without them what the points are of. */
  from?: number;
  until?: number;
  children?: ComponentChildren;
}

/** Chart draws values over time. */
export function Chart<P>(props: Props<P>) {
  const { shared, format } = useSpeech();
  const { points, series, title, csv } = props;
  const [box, width] = useWidth();
  const [at, look] = useState<number | undefined>(undefined);
  const when = props.when ?? ((p: P) => `${format.day(props.start(p))}, ${format.clock(props.start(p))}–${format.clock(props.end(p))}`);
  if (points.length === 0 || series.length === 0) return <p class="hint">{shared.chart.empty}</p>;
  const known = at === undefined ? undefined : points[Math.min(at, points.length - 1)];
  return (
    <figure class="chart">
      <ul class="legend">
        {series.map((s) => (
          <li key={s.name} class={`${s.name} ${s.kind} ${s.hatched ? "hatched" : ""} ${s.dashed ? "dashed" : ""}`}>
            {s.label}
          </li>
        ))}
      </ul>
      <div ref={box}>{width > 0 && <Drawing {...props} width={width} at={at} look={look} />}</div>
      <p class="reading">
        <input
          type="range"
          min={0}
          max={points.length - 1}
          value={at ?? 0}
          aria-label={`${title}. ${shared.chart.read}`}
          aria-valuetext={read(points[at ?? 0]!, props, when, shared.chart.gap)}
          onInput={(e) => look(Number(e.currentTarget.value))}
          onFocus={() => look((before) => before ?? 0)}
        />
        <span>{known !== undefined ? read(known, props, when, shared.chart.gap) : "\u00a0"}</span>
      </p>
      {props.children}
      <Numbers {...props} when={when} csv={csv} />
    </figure>
  );
}

/** read says all values of a point. */
function read<P>(p: P, { series, show }: Props<P>, when: (p: P) => string, gap: string): string {
  const values = series.map((s) => {
    const v = s.value(p);
    return `${s.label} ${v === undefined ? gap : show(v, 0)}`;
  });
  return `${when(p)}: ${values.join(", ")}`;
}

function Numbers<P>({ points, series, show, columns, csv, when, start }: Props<P> & { when: (p: P) => string }) {
  const { shared } = useSpeech();
  const [open, toggle] = useState(false);
  const usual = (): Column<P>[] => [
    { title: shared.range.label, cell: when },
    ...series.map((s): Column<P> => ({
      title: s.label,
      number: true,
      of: (p) => s.value(p) ?? 0,
      cell: (p, greatest) => {
        const v = s.value(p);
        return v === undefined ? "–" : show(v, greatest);
      },
    })),
  ];
  return (
    <div class="numbers">
      <details onToggle={(e) => toggle(e.currentTarget.open)}>
        <summary>{shared.chart.table}</summary>
        {open && <Table columns={columns ?? usual()} rows={points} keyOf={start} />}
      </details>
      {csv && (
        <a href={csv} download>
          {shared.chart.csv}
        </a>
      )}
    </div>
  );
}

const left = 64; // for the marks of values
const below = 26; // for the marks of time

interface DrawingProps<P> extends Props<P> {
  width: number;
  at: number | undefined;
  look: (at: number) => void;
}

function Drawing<P>(props: DrawingProps<P>) {
  const { points, series, start, end, title, show, width, height = 220, at, look } = props;
  const { format } = useSpeech();
  const id = useId();
  const box: Box = { left, top: 8, width: width - left - 8, height: height - 8 - below };
  const [from, to] = [props.from ?? start(points[0]!), props.until ?? end(points[points.length - 1]!)];
  const x: Scale = { from, to, at: (t) => box.left + ((t - from) / (to - from)) * box.width };
  const drawn: Drawn<P> = { points, series, start, end };
  const columns = bars(drawn);
  const lines = series.filter((s) => s.kind !== "bars");
  const values = [...columns.flatMap((c) => [c.low, c.high]), ...lines.flatMap((s) => points.flatMap((p) => s.value(p) ?? []))];
  const y = up(values, box);
  const greatest = Math.max(0, ...y.marks.map(Math.abs));
  const times = useMemo(() => marks({ from, to }, format.zone, box.width), [from, to, format.zone, box.width]);
  const pointed = (e: PointerEvent & { currentTarget: SVGSVGElement }) => {
    const drawing = e.currentTarget.getBoundingClientRect();
    const t = from + ((((e.clientX - drawing.left) / drawing.width) * width - box.left) / box.width) * (to - from);
    const k = points.findIndex((p) => t < end(p));
    look(k < 0 ? points.length - 1 : k);
  };
  const shown = at === undefined ? undefined : points[at];
  return (
    <svg viewBox={`0 0 ${width} ${height}`} width={rems(width)} height={rems(height)} role="img" aria-label={title} onPointerMove={pointed} onPointerDown={pointed}>
      <defs>
        {series
          .filter((s) => s.hatched)
          .map((s) => (
            <pattern key={s.name} id={`${id}-${s.name}`} class={`hatch ${s.name}`} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <rect width="6" height="6" />
              <path d="M0,0V6" />
            </pattern>
          ))}
      </defs>
      {y.marks.map((v) => (
        <g key={v}>
          <line class={v === 0 ? "zero" : "rule"} x1={box.left} x2={box.left + box.width} y1={y.at(v)} y2={y.at(v)} />
          <text class="mark" x={box.left - 6} y={y.at(v) + 4}>
            {show(Math.abs(v), greatest)}
          </text>
        </g>
      ))}
      {times.map((m) => (
        <g key={m.at}>
          <line class={m.midnight ? "midnight" : "rule"} x1={x.at(m.at)} x2={x.at(m.at)} y1={box.top} y2={box.top + box.height} />
          <text class="time" x={within(x.at(m.at), width)} y={box.top + box.height + 17}>
            {m.midnight ? format.time(m.date, m.at) : m.hour}
          </text>
        </g>
      ))}
      {columns.map((c) => (
        <rect key={`${c.series} ${c.start}`} class={`bar ${c.series}`} x={x.at(c.start) + 0.5} width={Math.max(1, x.at(c.end) - x.at(c.start) - 1)} y={y.at(c.high)} height={Math.max(0, y.at(c.low) - y.at(c.high))} fill={c.hatched ? `url(#${id}-${c.series})` : undefined} />
      ))}
      {lines.map((s) => (
        <path key={s.name} class={`mean ${s.name} ${s.dashed ? "dashed" : ""}`} d={outline(drawn, s, x, y)} />
      ))}
      {shown !== undefined && <line class="cursor" x1={x.at((start(shown) + end(shown)) / 2)} x2={x.at((start(shown) + end(shown)) / 2)} y1={box.top} y2={box.top + box.height} />}
    </svg>
  );
}
