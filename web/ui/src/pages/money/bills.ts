// Bills: a month is drafted, approved, sent and paid; a bill opens to its lines, a line to
// its intervals, an interval to its postings.
import { computed, signal } from "@preact/signals";
import type { Api, Schemas } from "../../ui/api";
import { begin, date, type Sums } from "./format";
import { long, save, type Work } from "./work";

export type Summary = Schemas["BillSummary"];
export type Bill = Schemas["Bill"];
export type Content = Schemas["BillContent"];
export type Sum = Schemas["BillSum"];
export type Left = Schemas["BillLeft"];
export type Interval = Schemas["BillInterval"];
export type Posting = Schemas["BillPosting"];

/** Line is a line of a bill that is opened. */
export interface Line {
  point: string;
  kind: string;
  correction: boolean;
  text: string;
  formula: string;
}

/** formats are those of a period's file. */
export const formats = ["csv", "xlsx", "sepa-collection", "sepa-payouts"] as const;
export type Format = (typeof formats)[number];

export class Bills {
  readonly list = signal<Summary[] | null>(null);
  /** period is the month whose bills are shown, empty: all. */
  readonly period = signal("");
  readonly shown = computed(() => (this.list.value ?? []).filter((b) => this.period.value === "" || b.period === this.period.value));
  /** periods are those that there are bills of, the last first. */
  readonly periods = computed(() => [...new Set((this.list.value ?? []).map((b) => b.period))].sort().reverse());
  /** left are those that something was not done with, and why. */
  readonly left = signal<Left[]>([]);
  readonly bill = signal<Bill | null>(null);
  readonly line = signal<Line | null>(null);
  readonly intervals = signal<Interval[] | null>(null);
  readonly interval = signal("");
  readonly postings = signal<Posting[] | null>(null);

  constructor(
    private readonly api: Api,
    private readonly work: Work,
    private readonly say: () => Sums,
  ) {}

  private get words() {
    return this.say().words.bills;
  }

  async read(): Promise<void> {
    const first = this.list.value === null;
    this.list.value = (await this.api.call("get", "/api/v1/bills", {})).bills;
    if (first && this.period.value === "") this.period.value = this.periods.value[0] ?? "";
  }

  draft(month: string): Promise<void> {
    return this.doing(this.words.doing.drafting(month), async () => {
      const done = await this.api.call("post", "/api/v1/bills", { body: { month }, ...long });
      this.left.value = done.left;
      this.period.value = month;
      return done.bills.length === 0 ? this.words.doing.draftedNone(month) : this.words.doing.drafted(done.bills.length, month);
    });
  }

  /** approve locks drafts, one after the other, after it was asked. */
  approve(all: Summary[]): void {
    this.work.ask({
      text: this.words.ask.approve(all.length, all[0]?.member ?? "", all[0]?.period ?? ""),
      yes: this.words.approve,
      act: () =>
        this.doing(this.words.doing.approving, async () => {
          let last = "";
          for (const b of all) {
            last = (await this.api.call("post", "/api/v1/bills/{id}/approval", { at: { id: b.id }, ...long })).id;
            this.follow(b.id, last);
          }
          return all.length === 1 ? this.words.doing.approvedAs(last) : this.words.doing.approvedAll(all.length, last);
        }),
    });
  }

  cancel(b: Summary): void {
    this.work.ask({
      text: this.words.ask.cancel(b.id, b.member, this.say().amount(b.total, b.currency, b.digits)),
      yes: this.words.ask.cancelYes,
      act: () =>
        this.doing(this.words.doing.cancelling, async () => {
          const credit = await this.api.call("post", "/api/v1/bills/{id}/cancellation", { at: { id: b.id }, ...long });
          return this.words.doing.cancelled(b.id, credit.id);
        }),
    });
  }

  pay(b: Summary, reference: string): Promise<void> {
    return this.doing(this.words.doing.booking, async () => {
      await this.api.call("post", "/api/v1/bills/{id}/payment", { at: { id: b.id }, body: reference === "" ? {} : { reference }, ...long });
      return this.words.doing.paid(b.id);
    });
  }

  send(all: Summary[]): Promise<void> {
    return this.doing(this.words.doing.sending, async () => {
      const done = await this.api.call("post", "/api/v1/bill-letters", { body: { ids: all.map((b) => b.id) }, ...long });
      this.left.value = done.left;
      return this.words.doing.sent(done.sent.length);
    });
  }

  async print(b: Summary): Promise<void> {
    await this.work.doing(this.words.doing.printing, async () => save(`${b.id}.pdf`, await this.api.call("get", "/api/v1/bills/{id}/pdf", { at: { id: b.id } })));
  }

  /** file has the browser keep the bills of the shown period, as a table or for the bank. */
  async file(format: Format): Promise<void> {
    await this.work.doing(this.words.doing.writing, async () => {
      this.left.value = [];
      const f = await this.api.call("get", "/api/v1/bill-files", { query: { format, period: this.period.value }, ...long });
      this.left.value = f.left;
      if (f.data) save(f.name, new Blob([bytes(f.data)], { type: f.type }));
      else this.work.done.value = this.words.doing.noFile;
    });
  }

  open(id: string): Promise<void> {
    return this.work.doing(this.words.doing.opening, async () => {
      this.close();
      this.left.value = [];
      this.bill.value = await this.api.call("get", "/api/v1/bills/{id}", { at: { id } });
    });
  }

  /** close goes back to the list, unopen to the lines of the bill. */
  close(): void {
    this.bill.value = null;
    this.unopen();
  }

  unopen(): void {
    this.line.value = this.intervals.value = this.postings.value = null;
    this.interval.value = "";
  }

  openLine(line: Line): Promise<void> {
    const id = this.bill.value?.summary.id ?? "";
    return this.work.doing(this.words.doing.intervals, async () => {
      this.unopen();
      this.intervals.value = (
        await this.api.call("get", "/api/v1/bills/{id}/line", { at: { id }, query: { point: line.point, kind: line.kind, correction: line.correction }, ...long })
      ).intervals;
      this.line.value = line;
    });
  }

  openInterval(interval: string): Promise<void> {
    const id = this.bill.value?.summary.id ?? "";
    const point = this.line.value?.point ?? "";
    return this.work.doing(this.words.doing.postings, async () => {
      this.postings.value = (await this.api.call("get", "/api/v1/bills/{id}/postings", { at: { id }, query: { point, interval } })).postings;
      this.interval.value = interval;
    });
  }

  /** follow opens the bill that a draft became, where it is open. */
  private follow(draft: string, id: string): void {
    const open = this.bill.value;
    if (open?.summary.id === draft) this.bill.value = { ...open, summary: { ...open.summary, id } };
  }

  /** doing does something with bills, and shows them as they are then. */
  private doing(what: string, work: () => Promise<string>): Promise<void> {
    return this.work.doing(what, async () => {
      this.left.value = [];
      try {
        this.work.done.value = await work();
      } finally {
        await this.read();
        const id = this.bill.value?.summary.id;
        if (id) this.bill.value = await this.api.call("get", "/api/v1/bills/{id}", { at: { id } });
      }
    });
  }
}

/** can tells what may be done with a bill. */
export function can(b: Summary): { approve: boolean; send: boolean; pay: boolean; cancel: boolean } {
  const locked = b.state === "approved" || b.state === "sent";
  const note = b.credit_of !== undefined;
  return { approve: b.state === "draft", send: b.state === "approved", pay: locked && !note, cancel: (locked || b.state === "paid") && !note };
}

/** bytes are those that a file's base64 stands for. */
export function bytes(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const all = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) all[k] = text.charCodeAt(k);
  return all;
}

/** Section is a part of a bill with its lines, each with what it is called. */
export interface Section {
  name: string;
  lines: { line: Sum; text: string; formula: string }[];
}

/** sections are the lines of a metering point, by the parts of a bill, in the bill's order. */
export function sections(lines: Sum[], words: Bill["words"]): Section[] {
  const all: Section[] = [];
  for (const w of words) {
    for (const line of lines.filter((l) => l.kind === w.kind)) {
      let section = all.find((s) => s.name === w.section);
      if (!section) all.push((section = { name: w.section, lines: [] }));
      section.lines.push({ line, text: w.text, formula: w.formula });
    }
  }
  return all;
}

/** Day is the sum of the intervals of a local day. */
export interface Day {
  date: string;
  intervals: Interval[];
  energy: number;
  amount: number;
}

/** days groups intervals by local day, in order of time. */
export function days(intervals: Interval[], zone: string): Day[] {
  const all = new Map<string, Day>();
  for (const i of intervals) {
    const name = date(begin(i.interval), zone);
    let day = all.get(name);
    if (!day) all.set(name, (day = { date: name, intervals: [], energy: 0, amount: 0 }));
    day.intervals.push(i);
    day.energy += i.energy;
    day.amount += i.amount;
  }
  return [...all.values()];
}
