import { price, watts } from "./format";
import { type Home, power, type State } from "./state";

/** still is a power that counts as no exchange at all. */
const still = 30;

/** sentence says in words what the home does right now, and at what price. */
export function sentence(home: Home, tariff: State["tariff"]): string {
  const meter = power(home, "meter");
  if (meter === undefined) return "The meter does not answer. What flows now is not known.";
  if (Math.abs(meter) < still) return "Running on its own: nothing flows in or out.";
  const c = home.contract;
  if (meter < 0) {
    if (c.sold > 0) return `Selling ${watts(meter)} to neighbours at ${price(perKWh(c.received, c.sold))}`;
    return `Giving ${watts(meter)} to the grid at ${price(tariff.feed_in)}`;
  }
  if (c.bought > 0) return `Buying ${watts(meter)} from neighbours at ${price(perKWh(c.paid, c.bought))}`;
  return `Taking ${watts(meter)} from the grid at ${price(tariff.retail)}`;
}

function perKWh(millionths: number, wh: number): number {
  return (millionths * 1000) / wh;
}
