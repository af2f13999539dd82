// The feeder in one delivery interval: a drawing of nodes and lines, and a table with the numbers.
import { useEffect } from "preact/hooks";
import { Age } from "../../ui/age";
import { How } from "../../ui/figure";
import { useSpeech } from "../../ui/speech";
import { rems } from "../../ui/width";
import { type Column, Table } from "../../ui/table";
import { type Feeder, type IntervalRecord, type Place, places } from "./feeder";
import type { Words } from "./words/en";

export function FeederMap({ feeder }: { feeder: Feeder }) {
  const { words, format } = useSpeech<Words>();
  useEffect(() => void feeder.read(), [feeder]);
  const all = feeder.intervals.value;
  return (
    <section id="feeder">
      <h2>{words.feeder.title}</h2>
      {all.length === 0 && !feeder.failed.value && <p>{words.feeder.none}</p>}
      {all.length > 0 && (
        <label>
          {words.feeder.interval}{" "}
          <select
            value={feeder.at.value?.start}
            onChange={(e) => {
              const chosen = all.find((i) => i.start === e.currentTarget.value);
              if (chosen) void feeder.show(chosen);
            }}
          >
            {all.map((i) => (
              <option key={i.start} value={i.start}>
                {format.time({ dateStyle: "medium" }, i.start)}, {format.span(i)}
              </option>
            ))}
          </select>
        </label>
      )}
      {feeder.failed.value && (
        <p class="refusal" role="alert">
          {words.feeder.failed(feeder.failed.value)}
        </p>
      )}
      {feeder.record.value && <Network of={feeder.record.value} read={feeder.seen.value} />}
    </section>
  );
}

function Network({ of, read }: { of: IntervalRecord; read: number }) {
  const { words, format } = useSpeech<Words>();
  const { feeder } = words;
  const all = places(of.nodes);
  const columns: Column<Place>[] = [
    { title: feeder.node, cell: (p) => p.node },
    { title: feeder.parent, cell: (p) => p.parent ?? feeder.root },
    { title: feeder.flow, number: true, of: (p) => p.flow, cell: (p, most) => (p.flow === 0 ? feeder.still : feeder.towards(format.energy(p.flow, most), p.out ? (p.parent ?? feeder.root) : p.node)) },
    { title: feeder.limit, number: true, of: (p) => p.limit ?? 0, cell: (p, most) => (p.limit === undefined ? feeder.unlimited : format.energy(p.limit, most)) },
    { title: feeder.loading, number: true, cell: (p) => load(p, format.percent.bind(format), feeder.full) },
    { title: feeder.price, number: true, cell: (p) => (p.price === undefined ? feeder.noPrice : format.price(p.price)) },
    { title: feeder.fee, number: true, cell: (p) => format.price(p.fee) },
  ];
  return (
    <>
      <Drawing all={all} />
      <p class="hint" id="feeder-age">
        {feeder.closed(format.time({ dateStyle: "medium", timeStyle: "short" }, of.gate))} <Age at={read} />
      </p>
      <How of={feeder.title}>
        <p>{feeder.how}</p>
        <p>{feeder.source}</p>
      </How>
      <Table id="lines" narrow="cards" columns={columns} rows={all} keyOf={(p) => p.node} mark={(p) => ((p.loading ?? 0) >= 1000 ? "own" : undefined)} />
    </>
  );
}

function load(p: Place, percent: (perMille: number) => string, full: string): string {
  if (p.loading === undefined) return "";
  return p.loading >= 1000 ? `${percent(p.loading)}, ${full}` : percent(p.loading);
}

const [across, down, label] = [36, 56, 280]; // between nodes, and room for words, in pixels

/** Drawing has the root at the top left, and each node below the one that it hangs on, further to the right. */
function Drawing({ all }: { all: Place[] }) {
  const { words, format } = useSpeech<Words>();
  const at = new Map(all.map((p, k) => [p.node, { x: 24 + p.depth * across, y: 32 + k * down }]));
  const [width, height] = [24 + Math.max(0, ...all.map((p) => p.depth)) * across + label, all.length * down + 8];
  return (
    <figure class="network">
      <svg viewBox={`0 0 ${width} ${height}`} width={rems(width)} height={rems(height)} role="img" aria-label={words.feeder.map}>
        {all.map((p) => {
          const [to, from] = [at.get(p.node), p.parent === undefined ? undefined : at.get(p.parent)];
          return to && from && <path key={p.node} class={wire(p)} stroke-width={2 + Math.min(8, (p.loading ?? 0) / 125)} d={`M${from.x} ${from.y} V${to.y} H${to.x}`} />;
        })}
        {all.map((p) => {
          const to = at.get(p.node);
          return (
            to && (
              <g key={p.node}>
                <circle cx={to.x} cy={to.y} r="9" />
                <text class="node" x={to.x + 15} y={to.y - 4}>
                  {p.node}
                </text>
                <text x={to.x + 15} y={to.y + 14}>
                  {p.flow > 0 && `${p.out ? "←" : "→"} ${format.energy(p.flow)}`}
                  {p.loading !== undefined && p.flow > 0 && ` · ${load(p, format.percent.bind(format), words.feeder.full)}`}
                </text>
              </g>
            )
          );
        })}
      </svg>
    </figure>
  );
}

function wire(p: Place): string {
  if (p.flow === 0) return "still";
  return (p.loading ?? 0) >= 1000 ? "full" : "";
}
