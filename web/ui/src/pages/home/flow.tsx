import { useSpeech } from "../../ui/speech";
import type { Home } from "../../ui/state";
import { type Column, Table } from "../../ui/table";
import { type Edge, edges, type Node } from "./edges";
import { has, power } from "./home";
import type { Say } from "./say";
import type { Words } from "./words/en";

/** Place is where a node is drawn; its kind is that of the devices that it is made of. */
interface Place {
  node: Node;
  kind?: string;
  x: number;
  y: number;
}

const places: Place[] = [
  { node: "solar", kind: "inverter", x: 66, y: 64 },
  { node: "battery", kind: "battery", x: 66, y: 188 },
  { node: "charger", kind: "charger", x: 200, y: 240 },
  { node: "home", x: 200, y: 62 },
  { node: "neighbours", kind: "meter", x: 334, y: 64 },
  { node: "grid", kind: "meter", x: 334, y: 188 },
];

const hub = { x: 200, y: 149 };
const round = 58; // the longest words, on a phone, keep away from the circle
const high = 16; // a line of a name

/**
 * Flow draws where energy goes in the home, from readings of one moment: what comes in and goes out adds up.
 * Without such readings each device shows what it says itself, and nothing is drawn to flow.
 */
export function Flow({ home, traded, age }: { home: Home; traded: number; age: (time: string) => string }) {
  const say = useSpeech<Words>();
  const w = say.words.flow;
  const all = home.flow ? edges(home.flow, traded) : [];
  const here = places.filter((p) => (p.kind ? has(home, p.kind) : true) && (home.flow || p.node !== "neighbours"));
  const low = here.some((p) => p.node === "charger");
  return (
    <figure>
      <svg class="flow" viewBox={`0 0 400 ${low ? 301 : 249}`} role="img" aria-label={described(home, here, all, say)}>
        {here.map((p) => (
          <Line key={p.node} place={p} edge={all.find((e) => e.node === p.node)} known={home.flow !== undefined} />
        ))}
        <circle class="hub" cx={hub.x} cy={hub.y} r={7} />
        {here.map((p) => (
          <Bubble key={p.node} place={p} {...shown(home, p, all, say)} />
        ))}
      </svg>
      <figcaption>{home.flow ? w.moment(age(home.flow.time)) : w.apart}</figcaption>
      {home.flow && <FlowTable all={all} say={say} />}
    </figure>
  );
}

interface Shown {
  /** label is the node's name, in lines. */
  label: string[];
  value: string;
  does: string;
  silent: boolean;
}

/** shown is what stands in a node: of the moment that is drawn, or else what its devices said last. */
function shown(home: Home, p: Place, all: Edge[], { words, format }: Say): Shown {
  const w = words.flow;
  if (home.flow) {
    const e = all.find((x) => x.node === p.node);
    return { label: [w[p.node]], value: format.watts(e?.power ?? 0), does: does(p.node, e ? (e.in ? e.power : -e.power) : 0, words), silent: false };
  }
  const said = p.kind ? power(home, p.kind) : undefined;
  const label = p.node === "grid" ? w.outside : [w[p.node]];
  if (said === undefined) return { label, value: "–", does: p.node === "home" ? w.unknown : w.silent, silent: true };
  return { label, value: format.watts(said), does: does(p.node, p.kind === "meter" ? said : -said, words), silent: false };
}

/** does says what a node does that gives so many watts into the wiring. */
function does(node: Node, into: number, { flow: w }: Words): string {
  switch (node) {
    case "solar":
      return into > 0 ? w.producing : into < 0 ? w.standby : w.asleep;
    case "battery":
      return into > 0 ? w.discharging : into < 0 ? w.charging : w.resting;
    case "charger":
      return into > 0 ? w.discharging : into < 0 ? w.charging : w.resting;
    case "home":
      return w.using;
    default:
      return into > 0 ? w.coming : into < 0 ? w.going : w.nothing;
  }
}

function Line({ place, edge, known }: { place: Place; edge: Edge | undefined; known: boolean }) {
  const [from, to] = edge?.in ? [place, hub] : [hub, place];
  const angle = (Math.atan2(to.y - from.y, to.x - from.x) * 180) / Math.PI;
  const length = Math.hypot(place.x - hub.x, place.y - hub.y);
  const middle = (round + (length - round) * 0.45) / length; // of the way from the place to the hub, on what is seen of it
  const at = { x: place.x + (hub.x - place.x) * middle, y: place.y + (hub.y - place.y) * middle };
  return (
    <g class={`line ${place.node} ${edge ? "moving" : ""} ${known ? "" : "silent"}`}>
      <line x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
      {edge && <path d="M-7,-7 L7,0 L-7,7 Z" transform={`translate(${at.x} ${at.y}) rotate(${angle})`} />}
    </g>
  );
}

function Bubble({ place, label, value, does: words, silent }: { place: Place } & Shown) {
  const lower = ((label.length - 1) * high) / 3;
  return (
    <g class={`bubble ${place.node} ${silent ? "silent" : ""}`} transform={`translate(${place.x} ${place.y})`}>
      <circle r={round} />
      {label.map((line, k) => (
        <text key={line} y={lower - 14 - (label.length - 1 - k) * high}>{line}</text>
      ))}
      <text class="value" y={7 + lower}>
        {value}
      </text>
      <text y={25 + lower}>{words}</text>
    </g>
  );
}

function described(home: Home, here: Place[], all: Edge[], say: Say): string {
  return here
    .map((p) => {
      const s = shown(home, p, all, say);
      return `${s.label.join(" ")}: ${s.does}${s.silent ? "" : ` ${s.value}`}`;
    })
    .join(", ");
}

function FlowTable({ all, say }: { all: Edge[]; say: Say }) {
  const w = say.words.flow;
  const columns: Column<Edge>[] = [
    { title: w.from, cell: (e) => (e.in ? w[e.node] : w.hub) },
    { title: w.to, cell: (e) => (e.in ? w.hub : w[e.node]) },
    { title: w.power, number: true, cell: (e) => say.format.watts(e.power) },
  ];
  return (
    <details>
      <summary>{w.table}</summary>
      <Table columns={columns} rows={all} keyOf={(e) => e.node} />
    </details>
  );
}
