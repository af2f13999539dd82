// What a plan does next and what for, told from its steps: so that it is said in the language of the page.
import type { Device } from "../../ui/state";
import type { Step } from "./chart";
import { end } from "./chart";
import type { Say } from "./say";

/** Phase is a time in which a device does one thing. */
interface Phase {
  from: string;
  until: number;
  energy: number; // Wh
  price: number; // mean, millionths/kWh
  grid: number; // Wh of it that come from the connection, or go out there
  next: number; // the step after it
}

const little = 50; // W that a device does by the way
const told = 50; // Wh that are worth telling

/** why says it for each device that moves something, or could; devices have the kinds. */
export function why(steps: Step[], devices: Pick<Device, "id" | "kind">[], say: Say): string {
  const planned = new Set(steps.flatMap((s) => s.devices.map((d) => d.device)));
  const all = devices.filter((d) => planned.has(d.id));
  const several = (kind: string) => all.filter((d) => d.kind === kind).length > 1;
  const sentences = all.map((d) => ofDevice(steps, d, (several(d.kind) ? undefined : say.words.why.names[d.kind]) ?? d.id, say));
  return sentences.filter((s) => s !== "").join(" ") || say.words.why.nothing;
}

function ofDevice(steps: Step[], { id, kind }: Pick<Device, "id" | "kind">, name: string, say: Say): string {
  const { why: w } = say.words;
  const taken = worth(steps, id, 0, 1);
  if (kind === "charger") return taken ? w.charges(name, ...times(taken, say), from(taken, say)) : w.has(name);
  if (kind !== "battery") return taken ? w.runs(name, say.format.clock(taken.from)) : "";
  const given = worth(steps, id, 0, -1);
  if (!taken && !given) return w.rests(name);
  if (given && (!taken || given.from < taken.from)) return w.gives(name, ...times(given, say), to(given, say));
  if (!taken) return "";
  const after = worth(steps, id, taken.next, -1);
  return w.stores(name, ...times(taken, say), from(taken, say), after ? w.then(say.format.clock(after.from), to(after, say)) : "");
}

function times(p: Phase, { format }: Say): [energy: string, from: string, until: string] {
  return [format.energy(p.energy), format.clock(p.from), format.clock(p.until)];
}

/** worth is the first phase from a step on, of what comes in (1) or goes out (−1), that is worth telling. */
function worth(steps: Step[], id: string, first: number, sign: 1 | -1): Phase | undefined {
  for (let k = first; k < steps.length; ) {
    const p = phase(steps, id, k, sign);
    if (!p || p.energy >= told) return p;
    k = p.next;
  }
  return undefined;
}

function phase(steps: Step[], id: string, first: number, sign: 1 | -1): Phase | undefined {
  let p: Phase | undefined;
  for (let k = first; k < steps.length; k++) {
    const s = steps[k]!;
    const energy = sign * (s.devices.find((d) => d.device === id)?.energy ?? 0);
    if ((energy * 60) / s.minutes < little) {
      if (p) return p;
      continue;
    }
    const out = sign > 0 ? s.net.mean <= 0 : s.net.mean < -1;
    const price = out ? s.sell : s.buy;
    p ??= { from: s.start, until: 0, energy: 0, price: 0, grid: 0, next: k };
    p.price = (p.price * p.energy + price * energy) / (p.energy + energy);
    p.grid += Math.min(energy, Math.max(s.net.mean * sign, 0));
    p.energy += energy;
    [p.until, p.next] = [end(s), k + 1];
  }
  return p;
}

/** from says where energy comes from, to where it goes: whatever most of it does. */
function from(p: Phase, { words, format }: Say): string {
  return p.grid > p.energy / 2 ? words.why.costs(format.price(p.price)) : words.why.own;
}

function to(p: Phase, { words, format }: Say): string {
  return (p.grid > p.energy / 2 ? words.why.brings : words.why.saves)(format.price(p.price));
}
