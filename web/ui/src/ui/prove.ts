// Whether the record of a call auction shows the best that could have been traded: docs/matching.md has the
// conditions. Whoever has the record can check them, without trusting the community.
import type { Schemas } from "./api";

export type Record = Schemas["IntervalRecord"];
type Node = Schemas["RecordNode"];
type Step = Schemas["RecordStep"];

/** Verdict is what came of a check: what is wrong by its condition, and what the trades gained against the bound of all others, in millionths of a Wh·price. */
export interface Verdict {
  wrong: Wrong[];
  gains: bigint;
  bound: bigint;
}

/** Wrong is a condition that does not hold, at a node or its line. */
export interface Wrong {
  condition: "balance" | "limits" | "filled" | "line" | "price" | "bound";
  node: string;
}

const positive = (n: number) => Math.max(n, 0);

/** prove checks a record by all its conditions. */
export function prove(record: Record): Verdict {
  const nodes = new Map(record.nodes.map((n) => [n.node, n]));
  const wrong: Wrong[] = [];
  const say = (condition: Wrong["condition"], node: string) => wrong.push({ condition, node });
  const total = { gains: 0n, bound: 0n };
  const left = new Map<string, number>(); // what leaves a node by its steps and comes from below
  const leaves = (node: string, energy: number) => left.set(node, (left.get(node) ?? 0) + energy);
  for (const n of record.nodes) {
    leaves(n.node, -n.flow);
    if (n.parent) leaves(n.parent, n.flow);
    if (n.parent && !nodes.has(n.parent)) say("line", n.node);
  }
  for (const s of record.steps) {
    leaves(s.node, s.side === "offer" ? s.filled : -s.filled);
    if (!stepHolds(s, nodes.get(s.node)?.price, total)) say("filled", s.node);
  }
  for (const [node, energy] of left) if (energy !== 0) say("balance", node);
  for (const n of record.nodes) {
    const problem = lineHolds(n, n.parent ? nodes.get(n.parent) : undefined, total);
    if (problem) say(problem, n.node);
  }
  if (total.gains !== total.bound) say("bound", "");
  return { wrong, ...total };
}

interface Total {
  gains: bigint;
  bound: bigint;
}

const product = (a: number, b: number) => BigInt(a) * BigInt(b);

/** stepHolds tells whether a step is filled as the price of its node says. */
function stepHolds(s: Step, price: number | undefined, total: Total): boolean {
  if (price === undefined || s.filled < 0 || s.filled > s.energy) return false;
  const better = s.side === "bid" ? s.price - price : price - s.price;
  total.gains += s.side === "bid" ? product(s.price, s.filled) : -product(s.price, s.filled);
  total.bound += product(positive(better), s.energy);
  return !(better > 0 && s.filled < s.energy) && !(better < 0 && s.filled > 0);
}

/** lineHolds tells what is wrong with a node's line to its parent, undefined when nothing is. */
function lineHolds(n: Node, parent: Node | undefined, total: Total): Wrong["condition"] | undefined {
  if (!n.parent) return n.flow === 0 ? undefined : "line";
  const over = n.committed + n.flow;
  if ((n.export_limit !== undefined && over > n.export_limit) || (n.import_limit !== undefined && over < -n.import_limit)) return "limits";
  total.gains -= product(n.fee, Math.abs(over) - Math.abs(n.committed));
  if (n.price === undefined || parent?.price === undefined) return n.flow === 0 ? undefined : "price";
  const across = parent.price - n.price;
  const [out, back] = [across - n.fee, -across - n.fee];
  if (out > 0 && n.export_limit !== over) return "price";
  if (back > 0 && (n.import_limit === undefined || -n.import_limit !== over)) return "price";
  if ((over > 0 && across < n.fee) || (over < 0 && -across < n.fee)) return "price";
  total.bound += product(positive(out), n.export_limit ?? 0) + product(positive(back), n.import_limit ?? 0);
  total.bound += product(-across, n.committed) + product(n.fee, Math.abs(n.committed));
  return undefined;
}
