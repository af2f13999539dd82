// The state of the dashboard: the full state first, then deltas merged by key.
import type { components } from "./api.gen";

export type State = components["schemas"]["State"];
export type Home = components["schemas"]["Home"];
export type Device = components["schemas"]["Device"];
export type Trade = components["schemas"]["Trade"];
export type Clearing = components["schemas"]["Clearing"];
export type Delta = components["schemas"]["Delta"];

const shownTrades = 30;
const shownIntervals = 96;

/** merge returns the state after a delta; neither argument is changed. */
export function merge(state: State, delta: Delta): State {
  const homes = new Map((delta.homes ?? []).map((h) => [h.id, h]));
  const changed = new Map((delta.intervals ?? []).map((c) => [c.interval.start, c]));
  const kept = state.intervals.filter((c) => !changed.has(c.interval.start));
  const known = new Set(state.trades.map((t) => t.seq));
  const fresh = (delta.trades ?? []).filter((t) => !known.has(t.seq)).reverse();
  return {
    ...state,
    status: delta.status,
    homes: [...state.homes.map((h) => homes.get(h.id) ?? h), ...[...homes.values()].filter((h) => !state.homes.some((x) => x.id === h.id))],
    trades: [...fresh, ...state.trades].slice(0, shownTrades),
    intervals: [...changed.values(), ...kept]
      .sort((a, b) => b.interval.start.localeCompare(a.interval.start))
      .slice(0, shownIntervals),
  };
}

/** power returns what a home's devices of the kind say together, undefined when one is silent. */
export function power(home: Home, kind: string): number | undefined {
  const said = home.devices.filter((d) => d.kind === kind).map((d) => (d.online ? d.power : undefined));
  return said.length === 0 ? undefined : said.reduce((sum, w) => (sum === undefined || w === undefined ? undefined : sum + w), 0);
}

/** find returns the home of that name, in whatever case it is written; the first one when no name is given. */
export function find(homes: Home[], name: string | null): Home | undefined {
  if (!name) return homes[0];
  return homes.find((h) => h.id === name) ?? homes.find((h) => h.id.toLowerCase() === name.toLowerCase());
}

/** has tells whether the home has such a device at all. */
export function has(home: Home, kind: string): boolean {
  return home.devices.some((d) => d.kind === kind);
}
