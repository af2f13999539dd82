// Why the price of an interval is what it is: what is known of its auction, and whether its record proves itself.
import { signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";
import { prove, type Record, type Verdict } from "../../ui/prove";

export type WhyPrice = Schemas["WhyPrice"];
type Interval = Schemas["Interval"];

const again = 10_000; // ms, after which an auction that is not over is asked for anew

/** Reason is what is known of the interval that is looked at. */
export class Reason {
  readonly interval = signal<Interval | null>(null);
  readonly value = signal<WhyPrice | null>(null);
  /** failed says why it cannot be shown, empty when it can. */
  readonly failed = signal("");
  readonly record = signal<Record | null>(null);
  readonly verdict = signal<Verdict | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly api: Api) {}

  /** look shows another interval. */
  look(interval: Interval): void {
    if (interval.start === this.interval.value?.start) return;
    this.interval.value = interval;
    this.value.value = this.record.value = this.verdict.value = null;
    void this.read();
  }

  /** move shows the interval before (−1) or after (+1). */
  move(by: 1 | -1): void {
    const i = this.interval.value;
    if (i) this.look({ ...i, start: new Date(Date.parse(i.start) + by * i.minutes * 60_000).toISOString() });
  }

  /** rest asks no more until something is looked at again. */
  rest(): void {
    clearTimeout(this.timer);
    this.interval.value = null;
  }

  private async read(): Promise<void> {
    const i = this.interval.value;
    clearTimeout(this.timer);
    if (!i) return;
    try {
      const value = await this.api.call("get", "/api/v1/intervals/{start}/price", { at: { start: i.start }, query: { minutes: i.minutes } });
      if (i.start !== this.interval.value?.start) return;
      this.value.value = value;
      this.failed.value = "";
      if (value.closed) return;
    } catch (e) {
      if (i.start !== this.interval.value?.start) return;
      this.failed.value = said(e);
    }
    this.timer = setTimeout(() => void this.read(), again);
  }

  /** check proves the public record of the interval, here. */
  async check(): Promise<void> {
    const i = this.interval.value;
    if (!i) return;
    try {
      const record = await this.api.call("get", "/api/v1/intervals/{start}/record", { at: { start: i.start }, query: { minutes: i.minutes } });
      if (i.start !== this.interval.value?.start) return;
      this.record.value = record;
      this.verdict.value = prove(record);
    } catch (e) {
      if (i.start === this.interval.value?.start) this.failed.value = said(e);
    }
  }
}
