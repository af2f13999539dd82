import { price, watts } from "./format";
import { type Home, power, type State } from "./state";

/** still is a power that counts as no exchange at all. */
const still = 30;

/**
 * sentence says in words what the home does right now, and at what price. What
 * it traded for the interval of so many minutes flows to or from neighbours,
 * the rest to or from the grid.
 */
export function sentence(home: Home, tariff: State["tariff"], minutes: number): string {
  const meter = power(home, "meter");
  if (meter === undefined) return "The meter does not answer. What flows now is not known.";
  const size = Math.abs(meter);
  if (size < still) return "Running on its own: nothing flows in or out.";
  const { sold, received, bought, paid } = home.contract;
  const [traded, money, selling] = meter < 0 ? [sold, received, true] : [bought, paid, false];
  const shared = Math.min((traded * 60) / minutes, size);
  const rest = size - shared;
  const grid = `${watts(rest)} ${selling ? "to" : "from"} the grid at ${price(selling ? tariff.feed_in : tariff.retail)}`;
  if (shared < still) return `${selling ? "Giving" : "Taking"} ${grid}`;
  const neighbours = `${selling ? "Selling" : "Buying"} ${watts(shared)} ${selling ? "to" : "from"} neighbours at ${price((money * 1000) / traded)}`;
  return rest < still ? neighbours : `${neighbours}, ${selling ? "giving" : "taking"} ${grid}`;
}
