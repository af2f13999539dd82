import { signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";

export type Dispute = Schemas["Dispute"];
export type Kind = "" | Dispute["kind"];
export type State = "" | Dispute["state"];

/** kinds are those by which the list is narrowed; empty: all. */
export const kinds: Kind[] = ["", "objection", "run", "challenge", "ledger"];

/** states are those by which the list is narrowed; empty: all. */
export const states: State[] = ["", "open", "answered", "accepted", "refused", "withdrawn", "corrected", "substituted", "missed"];

/** step is how many a page of the list has. */
export const step = 25;

/** Sought is what somebody looks for. */
export interface Sought {
  q: string;
  kind: Kind;
  state: State;
}

/** Disputes are what is contested. */
export class Disputes {
  readonly list = signal<Schemas["Disputes"] | null>(null);
  /** at is the wall time at which the list was read, ms. */
  readonly at = signal(0);
  readonly skip = signal(0);
  readonly failed = signal("");

  private sought: Sought = { q: "", kind: "", state: "" };
  private turn = 0; // of the questions: what comes late of an earlier one is dropped

  constructor(private readonly api: Pick<Api, "call">) {}

  /** search lists what somebody looks for. */
  async search(sought: Sought): Promise<void> {
    this.sought = { ...sought, q: sought.q.trim() };
    await this.page(0);
  }

  /** page lists those after so many. */
  async page(skip: number): Promise<void> {
    const turn = ++this.turn;
    try {
      const list = await this.api.call("get", "/api/v1/disputes", { query: { ...this.asked(), skip: skip || undefined, limit: step } });
      if (turn !== this.turn) return;
      this.list.value = list;
      this.skip.value = skip;
      this.at.value = Date.now();
      this.failed.value = "";
    } catch (e) {
      if (turn === this.turn) this.failed.value = said(e);
    }
  }

  /** csv is where all that is looked for comes as a file. */
  get csv(): string {
    const asked = Object.entries(this.asked()).filter((pair): pair is [string, string] => pair[1] !== undefined);
    return `/api/v1/disputes?${new URLSearchParams([...asked, ["format", "csv"]])}`;
  }

  /** asked is the question, without what is empty. */
  private asked() {
    const { q, kind, state } = this.sought;
    return { q: q || undefined, kind: kind || undefined, state: state || undefined };
  }
}
