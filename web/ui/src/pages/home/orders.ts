// The own orders of an interval, by what became of them.
import type { WhyPrice } from "./reason";

export type Order = WhyPrice["own"][number];

/** Orders are those that traded or may still trade, the ones that traded first, and those of which nothing came. */
export interface Orders {
  live: Order[];
  idle: Order[];
}

/** over are the states of an order that trades no more. */
const over = ["cancelled", "replaced", "expired", "rejected"];

/** byOutcome keeps the order in which they were placed. */
export function byOutcome(own: Order[]): Orders {
  const nothing = (o: Order) => o.filled === 0 && over.includes(o.status);
  const traded = own.filter((o) => o.filled > 0);
  const waits = own.filter((o) => o.filled === 0 && !nothing(o));
  return { live: [...traded, ...waits], idle: own.filter(nothing) };
}
