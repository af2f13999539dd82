// Where energy flows in a home at one moment, as edges that add up to what the meter counts.
import type { Home } from "../../ui/state";

export type FlowNow = NonNullable<Home["flow"]>;

/** Node is where energy comes from or goes to; all of them hang on the home's wiring. */
export type Node = "solar" | "battery" | "charger" | "home" | "neighbours" | "grid";

/** Edge is a flow between a node and the home's wiring: in goes into it. power is in W, above 0. */
export interface Edge {
  node: Node;
  in: boolean;
  power: number;
}

/**
 * edges are the flows of a moment. traded is the mean power that the home trades with neighbours over the interval, in W, + is to
 * come in: of what crosses the meter that much is the neighbours', where it goes the same way, and the rest the grid's.
 * No edge leads from one device to another: behind the meter nobody measures which energy went where.
 */
export function edges(flow: FlowNow, traded: number): Edge[] {
  const neighbours = flow.meter > 0 === traded > 0 ? Math.sign(flow.meter) * Math.min(Math.abs(flow.meter), Math.round(Math.abs(traded))) : 0;
  const into: [Node, number][] = [
    ["solar", -(flow.inverter ?? 0)],
    ["battery", -(flow.battery ?? 0)],
    ["charger", -(flow.charger ?? 0)],
    ["home", -flow.home],
    ["neighbours", neighbours],
    ["grid", flow.meter - neighbours],
  ];
  return into.filter(([, w]) => w !== 0).map(([node, w]) => ({ node, in: w > 0, power: Math.abs(w) }));
}

/** crossing is what the edges say that the meter counts: + comes in. */
export function crossing(all: Edge[]): number {
  return total(all.filter((e) => e.node === "neighbours" || e.node === "grid"));
}

/** total is what goes into the wiring less what goes out of it. */
export function total(all: Edge[]): number {
  return all.reduce((sum, e) => sum + (e.in ? e.power : -e.power), 0);
}
