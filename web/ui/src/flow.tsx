import { watts } from "./format";
import { has, type Home, power } from "./state";

interface Part {
  kind: string;
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

/** Flow draws where energy goes in the home. A device that does not answer is drawn dashed, with no number. */
export function Flow({ home }: { home: Home }) {
  const here = parts.filter((p) => has(home, p.kind));
  const used = consumption(home);
  return (
    <svg class="flow" viewBox={`0 0 320 ${has(home, "charger") ? 300 : 196}`} role="img" aria-label={describe(home, here)}>
      {here.map((p) => (
        <Line part={p} w={power(home, p.kind)} />
      ))}
      <Bubble x={160} y={150} kind="home" label="Home" value={used} words={used === undefined ? "not known" : "using"} />
      {here.map((p) => {
        const w = power(home, p.kind);
        return <Bubble x={p.x} y={p.y} kind={p.kind} label={p.label} value={w} words={w === undefined ? "silent" : p.words(w)} />;
      })}
    </svg>
  );
}

/** consumption is what remains in the home; unknown when a device is silent. */
function consumption(home: Home): number | undefined {
  let sum = power(home, "meter");
  for (const kind of ["inverter", "battery", "charger"]) {
    if (!has(home, kind) || sum === undefined) continue;
    const w = power(home, kind);
    sum = w === undefined ? undefined : sum - w;
  }
  return sum === undefined ? undefined : Math.max(sum, 0);
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
  return here
    .map((p) => {
      const w = power(home, p.kind);
      return w === undefined ? `${p.label}: no answer` : `${p.label}: ${p.words(w)} ${watts(w)}`;
    })
    .join(", ");
}
