// The state of the dashboard: the full state first, then deltas merged by key.
import type { Schemas } from "./api";

export type State = Schemas["State"];
export type Home = Schemas["Home"];
export type Device = Schemas["Device"];
export type Trade = Schemas["Trade"];
export type Clearing = Schemas["Clearing"];
export type Delta = Schemas["Delta"];

/** Change is what of a state is new; what it does not have stays. */
export type Change = Partial<Delta> & Pick<Partial<State>, "sums">;

const shownTrades = 30;
const shownIntervals = 96;

/** merge returns the state after a delta; neither argument is changed. */
export function merge(state: State, delta: Change): State {
  const homes = new Map((delta.homes ?? []).map((h) => [h.id, h]));
  const changed = new Map((delta.intervals ?? []).map((c) => [c.interval.start, c]));
  const kept = state.intervals.filter((c) => !changed.has(c.interval.start));
  const known = new Set(state.trades.map((t) => t.seq));
  const fresh = (delta.trades ?? []).filter((t) => !known.has(t.seq)).reverse();
  return {
    ...state,
    status: delta.status ?? state.status,
    sums: delta.sums,
    homes: [...state.homes.map((h) => homes.get(h.id) ?? h), ...[...homes.values()].filter((h) => !state.homes.some((x) => x.id === h.id))],
    trades: [...fresh, ...state.trades].slice(0, shownTrades),
    intervals: [...changed.values(), ...kept]
      .sort((a, b) => b.interval.start.localeCompare(a.interval.start))
      .slice(0, shownIntervals),
  };
}
