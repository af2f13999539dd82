// What the home that is looked at took, gave, paid and earned: by the range that is chosen, today and this month, and its bills.
import { effect, signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";
import { type Days, instants, moved, Range, type Step, stepOf, today } from "../../ui/range";

export type History = Schemas["HomeHistory"];
export type Point = Schemas["HistoryPoint"];
export type Money = Schemas["HomeMoney"];
export type Sum = Schemas["MoneySum"];
export type BillSummary = Schemas["BillSummary"];
export type Bill = Schemas["Bill"];
export type BillInterval = Schemas["BillInterval"];
export type BillPosting = Schemas["BillPosting"];

const again = 15_000; // ms, after which what is not over yet is asked for once more
const most = 40; // ranges that are kept

/** Row is a step, and the one of the range before that it is compared with. */
export interface Row extends Point {
  before?: Point;
}

/** Shown is a range as it is drawn: by the energies, and by the money where that has longer steps. */
export interface Shown {
  days: Days;
  step: Step;
  energies: Row[];
  money: Row[];
}

/** moneyStep is the shortest step that has money. */
export function moneyStep(step: Step): Step {
  return step === "5m" ? "15m" : step;
}

/** rows puts each step beside the one as far into the range before. */
export function rows(h: History): Row[] {
  return h.points.map((p, k) => ({ ...p, before: h.before?.points[k] }));
}

export class Past {
  readonly range: Range;
  readonly shown = signal<Shown | null>(null);
  readonly money = signal<Money | null>(null);
  readonly bills = signal<BillSummary[] | null>(null);
  /** failed says why what is shown may be old, empty while it is not. */
  readonly failed = signal("");
  readonly home = signal("");
  private zone = "UTC";
  private now = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly kept = new Map<string, { at: number; answer: Promise<History> }>();

  constructor(private readonly api: Api) {
    this.range = new Range(today(new Date().toISOString(), "UTC"));
    effect(() => {
      void [this.range.days.value, this.range.compare.value, this.home.value];
      void this.read();
    });
  }

  /** look shows a home from now on, by the community's time and zone. */
  look(home: string, now: string, zone: string): void {
    this.zone = zone;
    if (!this.now) {
      this.now = now;
      this.range.now(today(now, zone));
    }
    this.now = now;
    if (home === this.home.value) return;
    this.shown.value = this.money.value = this.bills.value = null;
    this.home.value = home;
    clearTimeout(this.timer);
    void this.follow();
  }

  private async follow(): Promise<void> {
    await Promise.all([this.readMoney(), this.read()]);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.follow(), again);
  }

  /** address is where the range that is shown comes as a file. */
  csv(step: Step): string {
    const { from, to } = instants(this.range.days.value, this.zone);
    return `/api/v1/homes/${encodeURIComponent(this.home.value)}/history?${new URLSearchParams({ from, to, step, compare: String(this.range.compare.value), format: "csv" }).toString()}`;
  }

  /** read asks for the range, and for its neighbours so that they are there when somebody goes on. */
  private async read(): Promise<void> {
    const [home, days, compare] = [this.home.value, this.range.days.value, this.range.compare.value];
    if (!home) return;
    const step = stepOf(days);
    try {
      const [energies, money] = await Promise.all([this.ask(home, days, step, compare), this.ask(home, days, moneyStep(step), compare)]);
      if (home !== this.home.value || days !== this.range.days.value) return;
      this.shown.value = { days, step, energies: rows(energies), money: rows(money) };
      this.failed.value = "";
      for (const by of [-1, 1] as const) void this.ahead(home, moved(this.range.unit.value, days, by), compare);
    } catch (e) {
      if (home === this.home.value) this.failed.value = said(e);
    }
  }

  private async ahead(home: string, days: Days, compare: boolean): Promise<void> {
    if (days.from > today(this.now, this.zone)) return;
    const step = stepOf(days);
    await Promise.all([this.ask(home, days, step, compare), this.ask(home, days, moneyStep(step), compare)]).catch(() => {}); // it is asked again when it is looked at
  }

  private ask(home: string, days: Days, step: Step, compare: boolean): Promise<History> {
    const name = [home, days.from, days.until, step, compare].join(" ");
    const old = this.kept.get(name);
    if (old && (days.until < today(this.now, this.zone) || Date.now() - old.at < again / 2)) return old.answer;
    const answer = this.api.call("get", "/api/v1/homes/{home}/history", { at: { home }, query: { ...instants(days, this.zone), step, compare } });
    this.kept.set(name, { at: Date.now(), answer });
    answer.catch(() => this.kept.delete(name));
    for (const first of this.kept.keys()) if (this.kept.size > most) this.kept.delete(first);
    return answer;
  }

  private async readMoney(): Promise<void> {
    const at = { home: this.home.value };
    try {
      const [money, bills] = await Promise.all([this.api.call("get", "/api/v1/homes/{home}/money", { at }), this.api.call("get", "/api/v1/homes/{home}/bills", { at })]);
      if (at.home !== this.home.value) return;
      this.money.value = money;
      this.bills.value = bills.bills;
    } catch (e) {
      if (at.home === this.home.value) this.failed.value = said(e);
    }
  }

  bill(id: string): Promise<Bill> {
    return this.api.call("get", "/api/v1/homes/{home}/bills/{id}", { at: { home: this.home.value, id } });
  }

  async line(id: string, point: string, kind: string, correction: boolean): Promise<BillInterval[]> {
    const { intervals } = await this.api.call("get", "/api/v1/homes/{home}/bills/{id}/line", { at: { home: this.home.value, id }, query: { point, kind, correction } });
    return intervals;
  }

  async postings(id: string, point: string, interval: string): Promise<BillPosting[]> {
    const { postings } = await this.api.call("get", "/api/v1/homes/{home}/bills/{id}/postings", { at: { home: this.home.value, id }, query: { point, interval } });
    return postings;
  }

  /** pdf is where a bill comes as it is printed. */
  pdf(id: string): string {
    return `/api/v1/homes/${encodeURIComponent(this.home.value)}/bills/${encodeURIComponent(id)}/pdf`;
  }
}
