// What is planned for the home that is looked at, how well it is forecast, what its owner wants, and how well the community does.
import { signal } from "@preact/signals";
import { type Api, Failed, said, type Schemas } from "../../ui/api";
import type { Key } from "../../ui/key";

export type Plan = Schemas["HomePlan"];
export type Skill = Schemas["HomeSkill"];
export type Limits = Schemas["HomeLimits"];
export type Request = Schemas["LimitsRequest"];
export type Measures = Schemas["Measures"];

const soon = 10_000; // ms, for what changes each interval
const seldom = 6; // of those, for what changes by the day

/** Refused says that limits were not set for want of a key, or because it is another one's. */
export class Refused extends Error {
  constructor(readonly key: "wrong" | "wanted") {
    super(`the key is ${key}`);
  }
}

export class Plans {
  readonly plan = signal<Plan | null>(null);
  readonly skill = signal<Skill | null>(null);
  readonly limits = signal<Limits | null>(null);
  readonly measures = signal<Measures | null>(null);
  /** failed says why what is shown may be old, empty while it is not. */
  readonly failed = signal("");
  /** wanted: the last change was refused for want of a key. */
  readonly wanted = signal(false);
  private home = "";
  private round = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly open: Api,
    private readonly api: Api,
    private readonly key: Key,
  ) {}

  /** look shows another home from now on; what is known of the last one is gone at once. */
  look(home: string): void {
    if (home === this.home) return;
    this.home = home;
    this.plan.value = this.skill.value = this.limits.value = null;
    this.wanted.value = false;
    this.round = 0;
    clearTimeout(this.timer);
    void this.follow();
  }

  private async follow(): Promise<void> {
    await this.read();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.follow(), soon);
  }

  /** read asks for what may have changed; an answer about a home that is not looked at any more is dropped. */
  async read(): Promise<void> {
    const home = this.home;
    const at = { home };
    const now = this.round++ % seldom === 0;
    try {
      const plan = this.open.call("get", "/api/v1/homes/{home}/plan", { at });
      const limits = this.open.call("get", "/api/v1/homes/{home}/limits", { at });
      const skill = now ? this.open.call("get", "/api/v1/homes/{home}/skill", { at }) : this.skill.value;
      const measures = now ? this.open.call("get", "/api/v1/measures", {}) : this.measures.value;
      const all = await Promise.all([plan, limits, skill, measures]);
      if (home !== this.home) return;
      [this.plan.value, this.limits.value, this.skill.value, this.measures.value] = all;
      this.failed.value = "";
    } catch (e) {
      if (home === this.home) this.failed.value = said(e);
    }
  }

  /** save sets all limits; it throws why that is refused. */
  save(limits: Request, key: string): Promise<void> {
    return this.change(key, (at) => this.api.call("put", "/api/v1/homes/{home}/limits", { at, body: limits }));
  }

  /** reset has what the configuration gives count again. */
  reset(key: string): Promise<void> {
    return this.change(key, (at) => this.api.call("delete", "/api/v1/homes/{home}/limits", { at }));
  }

  private async change(key: string, ask: (at: { home: string }) => Promise<Limits>): Promise<void> {
    const home = this.home;
    const kept = this.key.value;
    if (key) this.key.keep(key);
    try {
      const limits = await ask({ home });
      if (home === this.home) this.limits.value = limits;
      this.wanted.value = false;
    } catch (e) {
      if (e instanceof Failed && e.status === 401) {
        this.wanted.value = true;
        throw new Refused(key || kept ? "wrong" : "wanted");
      }
      throw e;
    }
  }
}
