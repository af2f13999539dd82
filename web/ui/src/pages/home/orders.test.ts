import { expect, it } from "vitest";
import { byOutcome, type Order } from "./orders";

const order = (client_id: string, status: string, filled = 0): Order => ({ client_id, side: "bid", energy: 100, price: 200_000, filled, status }) as Order;

it("orders that traded come first, then those that wait; those of which nothing came are apart", () => {
  const { live, idle } = byOutcome([order("a", "cancelled"), order("b", "open"), order("c", "filled", 100), order("d", "replaced"), order("e", "cancelled", 40), order("f", "rejected"), order("g", "expired"), order("h", "pending")]);
  expect(live.map((o) => o.client_id)).toEqual(["c", "e", "b", "h"]);
  expect(idle.map((o) => o.client_id)).toEqual(["a", "d", "f", "g"]);
});
