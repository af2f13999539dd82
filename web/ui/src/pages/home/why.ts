// What a plan does next and what for, told from its steps: so that it is said in the language of the page.
import type { Device } from "../../ui/state";
import type { Step } from "./chart";
import { end } from "./chart";
import type { Say } from "./say";

/** Phase is a time in which a device does one thing, by and large. */
interface Phase {
  from: string;
  until: number;
  energy: number; // Wh
  price: number; // mean, millionths/kWh
  grid: number; // Wh of it that come from the connection, or go out there
}

/** Mover is a device that a plan may move, and what it says that it does now. */
export type Mover = Pick<Device, "id" | "kind" | "power" | "online">;

const little = 50; // W that a device does by the way
const told = 50; // Wh that are worth telling
const pause = 3_600_000; // ms that something may rest and go on as the same thing
const coming = 24 * 3_600_000; // ms ahead in which something is looked for to tell

/** why says it for each device that moves something, or could; devices have the kinds, and what they do now. */
export function why(steps: Step[], devices: Mover[], say: Say): string {
  const planned = new Set(steps.flatMap((s) => s.devices.map((d) => d.device)));
  const all = devices.filter((d) => planned.has(d.id));
  const several = (kind: string) => all.filter((d) => d.kind === kind).length > 1;
  const sentences = all.map((d) => ofDevice(steps, d, (several(d.kind) ? undefined : say.words.why.names[d.kind]) ?? d.id, say));
  return sentences.filter((s) => s !== "").join(" ") || say.words.why.nothing;
}

/** doing is whether a device takes (1), gives (−1) or rests (0) now, undefined where it does not say. */
export function doing({ power, online }: Omit<Mover, "id" | "kind">): 1 | 0 | -1 | undefined {
  if (!online || power === undefined) return undefined;
  return Math.abs(power) < little ? 0 : power > 0 ? 1 : -1;
}

function ofDevice(steps: Step[], d: Mover, name: string, say: Say): string {
  const taken = phases(steps, d.id, 1);
  if (d.kind === "charger") return ofCar(taken, d, name, say);
  if (d.kind === "battery") return ofBattery(steps, taken, phases(steps, d.id, -1), d, name, say);
  const best = greatest(taken);
  return best ? say.words.why.runs(name, say.format.clock(best.from)) : "";
}

function ofCar(taken: Phase[], d: Mover, name: string, say: Say): string {
  const { why: w } = say.words;
  const best = greatest(taken);
  if (best) return w.charges(name, ...times(best, say), from(best, say));
  return doing(d) === 1 ? w.nowThen(name, 1, w.hasThen) : w.has(name);
}

/** ofBattery tells what matters most: a store with what it is for, or what is given of what is there already; and before it what is done now, where that is something else. */
function ofBattery(steps: Step[], taken: Phase[], given: Phase[], d: Mover, name: string, say: Say): string {
  const { why: w } = say.words;
  const now = doing(d);
  const best = greatest([...taken, ...given]);
  if (!best) return now ? w.nowThen(name, now, w.restsThen) : w.rests(name);
  const store = taken.includes(best) ? best : storeFor(best, taken);
  const main = store ?? best;
  const after = store && (given.includes(best) ? best : greatest(given.filter((p) => Date.parse(p.from) >= store.until)));
  const text = store
    ? w.stores(name, ...times(store, say), from(store, say), after ? w.then(say.format.clock(after.from), to(after, say)) : "")
    : w.gives(name, ...times(best, say), to(best, say));
  const goesOn = main.from === steps[0]?.start && now === (store ? 1 : -1);
  return now === undefined || goesOn ? text : `${w.now(name, now)} ${text}`;
}

/** storeFor is the latest store before a time at which is given, of at least half as much. */
function storeFor(given: Phase, taken: Phase[]): Phase | undefined {
  return taken.filter((p) => p.until <= Date.parse(given.from) && p.energy * 2 >= given.energy).at(-1);
}

/** greatest is the phase that most money goes with: energy × price. */
function greatest(all: Phase[]): Phase | undefined {
  const worth = (p: Phase) => p.energy * Math.abs(p.price);
  return all.reduce<Phase | undefined>((best, p) => (best && worth(best) >= worth(p) ? best : p), undefined);
}

function times(p: Phase, { format }: Say): [energy: string, from: string, until: string] {
  return [format.energy(p.energy), format.clock(p.from), format.clock(p.until)];
}

/** phases are what comes in (1) or goes out (−1) in the coming hours and is worth telling; what pauses for a short while is one. */
function phases(steps: Step[], id: string, sign: 1 | -1): Phase[] {
  const all: Phase[] = [];
  for (const p of unbroken(steps, id, sign)) {
    if (p.energy < told) continue;
    const last = all.at(-1);
    if (last && Date.parse(p.from) - last.until <= pause) all[all.length - 1] = joined(last, p);
    else all.push(p);
  }
  return all;
}

/** joined is a phase and a later one as one, with the energies of both and their mean price. */
function joined(a: Phase, b: Phase): Phase {
  const energy = a.energy + b.energy;
  return { from: a.from, until: b.until, energy, price: (a.price * a.energy + b.price * b.energy) / energy, grid: a.grid + b.grid };
}

/** unbroken are the times in which something comes in or goes out without a pause. */
function unbroken(steps: Step[], id: string, sign: 1 | -1): Phase[] {
  const all: Phase[] = [];
  const begin = Date.parse(steps[0]?.start ?? "");
  for (const s of steps) {
    const energy = sign * (s.devices.find((d) => d.device === id)?.energy ?? 0);
    if ((energy * 60) / s.minutes < little || Date.parse(s.start) - begin >= coming) continue;
    const out = sign > 0 ? s.net.mean <= 0 : s.net.mean < -1;
    const step: Phase = { from: s.start, until: end(s), energy, price: out ? s.sell : s.buy, grid: Math.min(energy, Math.max(s.net.mean * sign, 0)) };
    const last = all.at(-1);
    if (last?.until === Date.parse(s.start)) all[all.length - 1] = joined(last, step);
    else all.push(step);
  }
  return all;
}

/** from says where energy comes from, to where it goes: whatever most of it does. */
function from(p: Phase, { words, format }: Say): string {
  return p.grid > p.energy / 2 ? words.why.costs(format.price(p.price)) : words.why.own;
}

function to(p: Phase, { words, format }: Say): string {
  return (p.grid > p.energy / 2 ? words.why.brings : words.why.saves)(format.price(p.price));
}
