// What the owner of the home says against metered values, and what became of it.
import { signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";
import { instant } from "../../ui/zone";

export type Objection = Schemas["Objection"];
export type Value = Schemas["HomeValue"];

/** Looked is what is known of an interval at the home's metering points. */
export interface Looked {
  interval: string; // START/MINUTES
  points: Value[];
}

/** intervalAt is the delivery interval in which the site's clocks show a time, as in 2026-06-01T12:20; undefined where they never do. */
export function intervalAt(shown: string, zone: string, minutes: number): string | undefined {
  const at = instant(shown, zone);
  if (at === undefined) return undefined;
  const length = minutes * 60_000;
  const start = new Date(Math.floor(Date.parse(at) / length) * length);
  return `${start.toISOString().replace(".000Z", "Z")}/${minutes}`;
}

/** begin is the start of an interval that is written as START/MINUTES, and its length. */
export function begin(interval: string): { start: string; minutes: number } {
  const [start = "", minutes = "15"] = interval.split("/");
  return { start, minutes: Number(minutes) };
}

/** energy reads whole Wh, undefined where something else stands there. */
export function energy(text: string): number | undefined {
  return /^\s*\d{1,8}\s*$/.test(text) ? Number(text) : undefined;
}

export class Objecting {
  readonly all = signal<Objection[] | null>(null);
  readonly looked = signal<Looked | null>(null);
  readonly failed = signal("");
  private home = "";

  constructor(private readonly api: Pick<Api, "call">) {}

  /** look reads the objections of the own home; of another nobody is told any. */
  look(home: string, owner: boolean): void {
    if (home === this.home) return;
    this.home = home;
    this.all.value = this.looked.value = null;
    this.failed.value = "";
    if (owner) void this.read();
  }

  /** read reads the objections as they stand now. */
  async read(): Promise<void> {
    const home = this.home;
    try {
      const { objections } = await this.api.call("get", "/api/v1/homes/{home}/objections", { at: { home } });
      if (home === this.home) this.all.value = objections;
    } catch (e) {
      if (home === this.home) this.failed.value = said(e);
    }
  }

  /** show asks what was metered in an interval, and what counts; it throws why that is refused. */
  async show(interval: string): Promise<void> {
    const home = this.home;
    const { points } = await this.api.call("get", "/api/v1/homes/{home}/values", { at: { home }, query: { interval } });
    if (home === this.home) this.looked.value = { interval, points };
  }

  /** object says what is right at a metering point of the interval that is shown; it throws why that is refused. */
  async object(point: string, flow: { import: number; export: number }, reason: string): Promise<void> {
    const interval = this.looked.value?.interval;
    if (interval === undefined) return;
    await this.api.call("post", "/api/v1/homes/{home}/objections", { at: { home: this.home }, body: { metering_point: point, interval, ...flow, reason } });
    this.looked.value = null;
    await this.read();
  }

  /** withdraw takes one back that is not decided. */
  async withdraw(id: number): Promise<void> {
    await this.api.call("delete", "/api/v1/homes/{home}/objections/{id}", { at: { home: this.home, id } });
    await this.read();
  }
}
