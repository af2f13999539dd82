import { signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";
import { prove, type Record as Proves, type Verdict } from "../../ui/prove";
import { added, instants } from "../../ui/range";
import { instant } from "../../ui/zone";

export type Auction = Schemas["AuctionSummary"];
export type Auctions = Schemas["Auctions"];

/** step is how many auctions a page of the list has. */
export const step = 24;

/** Bounds are between which times something begins: at from or later, and before to; without them at any time. */
export interface Bounds {
  from?: string;
  to?: string;
}

/**
 * bounds are those of what begins on a day of a zone, as in 2026-06-01; with a time of day too, as in 14:05, of the
 * interval that has it, which has so many minutes.
 */
export function bounds(day: string, time: string, zone: string, minutes: number): Bounds {
  if (!day) return {};
  if (!time) return instants({ from: day, until: added(day, 1) }, zone);
  const at = Date.parse(instant(`${day}T${time}`, zone) ?? "");
  return { from: new Date(at - minutes * 60_000 + 1).toISOString(), to: new Date(at + 1).toISOString() };
}

/** Opened is an auction with its record and what this browser found when it checked it. */
export interface Opened {
  auction: Auction;
  record: Proves;
  verdict: Verdict;
}

/** Certificates are the auctions that are listed, and the one whose certificate is looked at. */
export class Certificates {
  readonly list = signal<Auctions | null>(null);
  /** at is the wall time at which the list was read, ms. */
  readonly at = signal(0);
  readonly skip = signal(0);
  readonly opened = signal<Opened | null>(null);
  /** checked says of auctions, by their begin, whether their certificate holds. */
  readonly checked = signal<ReadonlyMap<string, boolean>>(new Map());
  readonly failed = signal("");

  private within: Bounds = {};
  private turn = 0; // of the questions: what comes late of an earlier one is dropped

  constructor(private readonly api: Pick<Api, "call">) {}

  /** search lists the auctions of a day and time of a zone, all where they are empty. */
  async search(day: string, time: string, zone: string): Promise<void> {
    const minutes = this.list.value?.rows[0]?.interval.minutes ?? 15;
    this.within = bounds(day, time, zone, minutes);
    await this.page(0);
  }

  /** page lists those after so many. */
  async page(skip: number): Promise<void> {
    const turn = ++this.turn;
    try {
      const list = await this.api.call("get", "/api/v1/intervals", { query: { ...this.within, skip: skip || undefined, limit: step } });
      if (turn !== this.turn) return;
      this.list.value = list;
      this.skip.value = skip;
      this.at.value = Date.now();
      this.failed.value = "";
    } catch (e) {
      if (turn === this.turn) this.failed.value = said(e);
    }
  }

  /** open fetches the record of an auction and checks it here. */
  async open(auction: Auction): Promise<void> {
    const { start, minutes } = auction.interval;
    try {
      const record = await this.api.call("get", "/api/v1/intervals/{start}/record", { at: { start }, query: { minutes } });
      const verdict = prove(record);
      this.opened.value = { auction, record, verdict };
      this.checked.value = new Map([...this.checked.value, [start, verdict.wrong.length === 0 && fits(auction, record)]]);
      this.failed.value = "";
    } catch (e) {
      this.opened.value = null;
      this.failed.value = said(e);
    }
  }

  /** csv is where all that is listed comes as a file. */
  get csv(): string {
    return `/api/v1/intervals?${new URLSearchParams([...Object.entries(this.within), ["format", "csv"]])}`;
  }
}

/** fits tells whether the list says of an auction what its record says: the price at the root, and the volume. */
export function fits(auction: Auction, record: Proves): boolean {
  const volume = record.steps.reduce((sum, s) => sum + (s.side === "bid" ? s.filled : 0), 0);
  const price = volume > 0 ? record.nodes.find((n) => !n.parent)?.price : undefined;
  return volume === auction.volume && price === auction.price;
}
