import { signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";

export type Found = Schemas["LedgerSearch"];
export type Row = Schemas["LedgerRow"];
export type Totals = Schemas["LedgerTotals"];
export type By = Totals["by"];

/** step is how many rows are asked for at once. */
export const step = 100;

/** few is how many postings are summed up without being asked to. */
const few = 50_000;

/** Finder looks for postings. Of what it found it has the rows that were looked at, by their place, the last posting first. */
export class Finder {
  /** text is what is looked for. */
  readonly text = signal("");
  readonly found = signal<Found | null>(null);
  readonly rows = signal<ReadonlyMap<number, Row>>(new Map());
  readonly totals = signal<Totals | null>(null);
  readonly by = signal<By>("day");
  /** summed is the wall time at which the totals were read, ms. */
  readonly summed = signal(0);
  /** failed says why what is shown is not what was looked for, empty while it is. */
  readonly failed = signal("");
  readonly busy = signal(false);

  private turn = 0; // of the searches: what comes late of an earlier one is dropped
  private asked = new Set<number>(); // places from which rows were asked for

  constructor(private readonly api: Pick<Api, "call">) {}

  /** search looks for words, and sums up what they find. */
  async search(text: string): Promise<void> {
    const turn = ++this.turn;
    this.text.value = text.trim();
    this.busy.value = true;
    try {
      const found = await this.api.call("get", "/api/v1/ledger/search", { query: { q: this.text.value, limit: step } });
      if (turn !== this.turn) return;
      this.asked = new Set([0]);
      this.found.value = found;
      this.rows.value = new Map(found.rows.map((row, k) => [k, row]));
      this.failed.value = "";
      this.totals.value = null;
      if (found.total <= few) await this.sum(this.by.value);
    } catch (e) {
      if (turn === this.turn) this.failed.value = said(e);
    } finally {
      if (turn === this.turn) this.busy.value = false;
    }
  }

  /** need fetches the rows of the places from and until, as far as they were not asked for yet. */
  async need(from: number, until: number): Promise<void> {
    const found = this.found.value;
    if (!found) return;
    const pages = [];
    for (let skip = Math.floor(Math.max(0, from) / step) * step; skip < Math.min(until, found.total); skip += step) {
      if (this.asked.has(skip)) continue;
      this.asked.add(skip);
      pages.push(this.page(skip, found.size));
    }
    await Promise.all(pages);
  }

  private async page(skip: number, size: number): Promise<void> {
    const turn = this.turn;
    try {
      const more = await this.api.call("get", "/api/v1/ledger/search", { query: { q: this.text.value, size, skip, limit: step } });
      if (turn !== this.turn) return;
      this.rows.value = new Map([...this.rows.value, ...more.rows.map((row, k): [number, Row] => [skip + k, row])]);
    } catch (e) {
      if (turn !== this.turn) return;
      this.asked.delete(skip);
      this.failed.value = said(e);
    }
  }

  /** sum adds up what was found by days or months of the site. */
  async sum(by: By): Promise<void> {
    const turn = this.turn;
    this.by.value = by;
    try {
      const totals = await this.api.call("get", "/api/v1/ledger/totals", { query: { q: this.text.value, by } });
      if (turn !== this.turn || by !== this.by.value) return;
      this.totals.value = totals;
      this.summed.value = Date.now();
    } catch (e) {
      if (turn === this.turn) this.failed.value = said(e);
    }
  }

  /** csv is where what was found comes as a file. */
  get csv(): string {
    return `/api/v1/ledger/postings.csv?q=${encodeURIComponent(this.text.value)}`;
  }
}
