import { watts } from "../../ui/english";
import type { Home } from "../../ui/state";
import { has, power } from "./home";

interface Part {
  kind: "inverter" | "battery" | "charger" | "meter";
  label: string;
  x: number;
  y: number;
  words: (w: number) => string;
}

const parts: Part[] = [
  { kind: "inverter", label: "Solar", x: 160, y: 46, words: (w) => (w < 0 ? "producing" : "asleep") },
  { kind: "battery", label: "Battery", x: 46, y: 150, words: (w) => (w > 0 ? "charging" : w < 0 ? "discharging" : "resting") },
  { kind: "charger", label: "Car", x: 160, y: 254, words: (w) => (w > 0 ? "charging" : "idle") },
  { kind: "meter", label: "Neighbours and grid", x: 274, y: 150, words: (w) => (w > 0 ? "coming in" : w < 0 ? "going out" : "nothing") },
];

const still = 5;

/**
 * Flow draws where energy goes in the home, from readings of one moment: what
 * comes in and goes out adds up. Without such readings each device shows what it
 * says itself, and nothing is drawn to flow.
 */
export function Flow({ home, age }: { home: Home; age: (time: string) => string }) {
  const here = parts.filter((p) => has(home, p.kind));
  const flow = home.flow;
  return (
    <figure>
      <svg class="flow" viewBox={`0 0 320 ${has(home, "charger") ? 300 : 196}`} role="img" aria-label={describe(home, here)}>
        {here.map((p) => (
          <Line part={p} w={flow?.[p.kind]} />
        ))}
        <Bubble x={160} y={150} kind="home" label="Home" value={flow?.home} words={flow ? "using" : "not known"} />
        {here.map((p) => {
          const w = shown(home, p.kind);
          return <Bubble x={p.x} y={p.y} kind={p.kind} label={p.label} value={w} words={w === undefined ? "silent" : p.words(w)} />;
        })}
      </svg>
      <figcaption>{flow ? `All read within one moment, ${age(flow.time)} ago` : "What the home uses is not known: not all devices were read within one moment"}</figcaption>
    </figure>
  );
}

/** shown is a device's power of the moment that is drawn, or else what it said last; undefined when it is silent. */
function shown(home: Home, kind: Part["kind"]): number | undefined {
  return home.flow ? home.flow[kind] : power(home, kind);
}

function Line({ part, w }: { part: Part; w: number | undefined }) {
  const towardsHome = part.kind === "meter" ? (w ?? 0) > 0 : (w ?? 0) < 0;
  const moving = w !== undefined && Math.abs(w) > still;
  const [x1, y1, x2, y2] = towardsHome ? [part.x, part.y, 160, 150] : [160, 150, part.x, part.y];
  return (
    <g class={`line ${part.kind} ${moving ? "moving" : ""} ${w === undefined ? "silent" : ""}`}>
      <line x1={x1} y1={y1} x2={x2} y2={y2} />
      {moving && <path d="M-5,-5 L5,0 L-5,5 Z" transform={`translate(${(x1 + x2) / 2} ${(y1 + y2) / 2}) rotate(${(Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI})`} />}
    </g>
  );
}

function Bubble({ x, y, kind, label, value, words }: { x: number; y: number; kind: string; label: string; value: number | undefined; words: string }) {
  const lines = label.split(" and ");
  return (
    <g class={`bubble ${kind} ${value === undefined ? "silent" : ""}`} transform={`translate(${x} ${y})`}>
      <circle r="43" />
      <text y={lines.length > 1 ? -20 : -14}>{lines[0]}</text>
      {lines.length > 1 && <text y={-8}>and {lines[1]}</text>}
      <text class="value" y={9}>
        {value === undefined ? "–" : watts(value)}
      </text>
      <text class="words" y={24}>
        {words}
      </text>
    </g>
  );
}

function describe(home: Home, here: Part[]): string {
  const devices = here.map((p) => {
    const w = shown(home, p.kind);
    return w === undefined ? `${p.label}: no answer` : `${p.label}: ${p.words(w)} ${watts(w)}`;
  });
  return [...devices, `Home: ${home.flow ? `using ${watts(home.flow.home)}` : "not known"}`].join(", ");
}
