import { signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";

export type Interval = Schemas["Interval"];
export type IntervalRecord = Schemas["IntervalRecord"];
type RecordNode = IntervalRecord["nodes"][number];

/** Place is a node of the feeder with its line to the node above, in one interval. */
export interface Place {
  node: string;
  parent?: string;
  depth: number;
  /** flow is what the line carries, Wh, positive; out: towards the node above. */
  flow: number;
  out: boolean;
  /** limit is what the line can carry that way, Wh; undefined: it is not limited. */
  limit?: number;
  /** loading is the share of the limit, per mille. */
  loading?: number;
  fee: number;
  price?: number;
}

/** places are the nodes of a record, each after the node above it, and the children of one together. */
export function places(nodes: readonly RecordNode[]): Place[] {
  const below = (parent: string | undefined, depth: number): Place[] =>
    nodes.filter((n) => n.parent === parent).flatMap((n) => [placeOf(n, depth), ...below(n.node, depth + 1)]);
  return below(undefined, 0);
}

function placeOf(n: RecordNode, depth: number): Place {
  const net = n.committed + n.flow;
  const [out, flow] = [net > 0, Math.abs(net)];
  const limit = net >= 0 ? n.export_limit : n.import_limit;
  return {
    node: n.node, parent: n.parent, depth, flow, out, limit, fee: n.fee, price: n.price,
    loading: limit === undefined ? undefined : limit > 0 ? Math.round((1000 * flow) / limit) : flow > 0 ? 1000 : 0,
  };
}

/** Feeder is the network in one interval. */
export class Feeder {
  readonly intervals = signal<Interval[]>([]);
  readonly at = signal<Interval | null>(null);
  readonly record = signal<IntervalRecord | null>(null);
  /** seen is the wall time at which the record was read, ms. */
  readonly seen = signal(0);
  readonly failed = signal("");

  constructor(private readonly api: Pick<Api, "call">) {}

  /** read asks which intervals there are, and shows the last one of which there is a record. */
  async read(): Promise<void> {
    try {
      const state = await this.api.call("get", "/api/v1/state", {});
      this.intervals.value = state.intervals.map((c) => c.interval).toSorted((a, b) => b.start.localeCompare(a.start));
      const first = this.at.value ?? this.intervals.value[0];
      if (first) await this.show(first);
    } catch (e) {
      this.failed.value = said(e);
    }
  }

  /** show reads the record of an interval. */
  async show(at: Interval): Promise<void> {
    this.at.value = at;
    try {
      const record = await this.api.call("get", "/api/v1/intervals/{start}/record", { at: { start: at.start }, query: { minutes: at.minutes } });
      if (this.at.value !== at) return;
      this.record.value = record;
      this.seen.value = Date.now();
      this.failed.value = "";
    } catch (e) {
      if (this.at.value !== at) return;
      this.record.value = null;
      this.failed.value = said(e);
    }
  }
}
