// What a researcher has had replayed: the scenarios, the runs with their progress, and the results that are compared.
import { computed, signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";

export type Run = Schemas["Run"];
export type Result = Schemas["RunResult"];
export type Scenarios = Schemas["Scenarios"];
export type Point = Schemas["RunPoint"];

/** Wish is what the form asks for. */
export interface Wish {
  scenario: string;
  seed: string;
  sharing: string;
}

const busy = 1000; // ms between two looks while a run is not over
const idle = 5000;

/** most is how many runs are compared at once. */
export const most = 4;

/** usual is how many runs are compared without anybody choosing. */
const usual = 2;

/** Pair are two replays of one scenario that differ in how is shared. */
export interface Pair {
  scenario: string;
  sharings: [string, string];
}

/** pairOf is the shortest scenario with the market, and with the first rules by which is shared instead; undefined: there is no such thing. */
export function pairOf({ scenarios, sharings }: Pick<Scenarios, "scenarios" | "sharings">): Pair | undefined {
  const long = (s: Scenarios["scenarios"][number]) => s.days * s.homes;
  const [shortest] = [...scenarios].sort((a, b) => long(a) - long(b));
  const rules = sharings.find((s) => s !== market);
  return shortest && rules !== undefined && sharings.includes(market) ? { scenario: shortest.name, sharings: [market, rules] } : undefined;
}

const market = "market";

/** over tells whether a run has ended. */
export function over(run: Run): boolean {
  return run.state !== "waiting" && run.state !== "running";
}

/** seedOf reads a seed: a whole number, or nothing for the scenario's own. */
export function seedOf(text: string): number | undefined | "wrong" {
  if (text.trim() === "") return undefined;
  const n = Number(text);
  return Number.isSafeInteger(n) && n >= 0 ? n : "wrong";
}

/** Lab is what the page shows. */
export class Lab {
  readonly scenarios = signal<Scenarios | null>(null);
  readonly runs = signal<Schemas["Runs"] | null>(null);
  /** chosen are the runs that are compared, the first of them is what the others are held against. */
  readonly chosen = signal<string[]>([]);
  readonly results = signal<Record<string, Result>>({});
  /** old says why what is shown may be old, problem why what was asked for was not done. */
  readonly old = signal("");
  readonly problem = signal("");
  /** own: somebody has chosen what is compared; before, the latest runs are. */
  private own = false;
  readonly compared = computed(() => this.chosen.value.flatMap((id) => this.results.value[id] ?? []));

  constructor(private readonly api: Api) {}

  /** follow reads the runs again and again, for as long as the page is there. */
  async follow(): Promise<void> {
    await this.read();
    setTimeout(() => void this.follow(), this.runs.value?.runs.some((r) => !over(r)) ? busy : idle);
  }

  async read(): Promise<void> {
    try {
      this.scenarios.value ??= await this.api.call("get", "/api/v1/scenarios", {});
      this.runs.value = await this.api.call("get", "/api/v1/runs", {});
      this.forget(new Set(this.runs.value.runs.map((r) => r.id)));
      this.old.value = "";
      if (!this.own) await this.offer(this.runs.value.runs);
    } catch (e) {
      this.old.value = said(e);
    }
  }

  /** forget leaves out of the comparison what is there no more. */
  private forget(there: Set<string>): void {
    if (this.chosen.value.every((id) => there.has(id))) return;
    this.chosen.value = this.chosen.value.filter((id) => there.has(id));
  }

  /** offer compares the latest runs that are done, the earlier one first. */
  private async offer(runs: Run[]): Promise<void> {
    const done = runs.filter((r) => r.state === "done").sort((a, b) => a.queued.localeCompare(b.queued));
    const ids = done.slice(-usual).map((r) => r.id);
    if (ids.join() === this.chosen.value.join()) return;
    await Promise.all(ids.map((id) => this.fetch(id)));
    if (!this.own) this.chosen.value = ids;
  }

  /** startPair has a scenario replayed twice, and compares what comes of it. */
  async startPair({ scenario, sharings }: Pair): Promise<void> {
    this.own = false;
    for (const sharing of sharings) if (!(await this.start({ scenario, seed: "", sharing }))) return;
  }

  /** start has a scenario replayed; it tells whether that was taken. */
  async start(wish: Wish): Promise<boolean> {
    const seed = seedOf(wish.seed);
    if (seed === "wrong") return false;
    return this.done(async () => {
      const body: Schemas["RunRequest"] = { scenario: wish.scenario };
      if (seed !== undefined) body.seed = seed;
      if (wish.sharing) body.sharing = wish.sharing;
      await this.api.call("post", "/api/v1/runs", { body });
    });
  }

  /** end cancels a run, or removes one that is over. */
  end(id: string): Promise<boolean> {
    return this.done(() => this.api.call("delete", "/api/v1/runs/{id}", { at: { id } }));
  }

  /** choose adds a run to the comparison, or takes it out. */
  async choose(id: string, chosen: boolean): Promise<void> {
    this.own = true;
    this.chosen.value = [...this.chosen.value.filter((c) => c !== id), ...(chosen ? [id] : [])].slice(-most);
    if (chosen) await this.done(() => this.fetch(id));
  }

  /** fetch reads what came of a run, once. */
  private async fetch(id: string): Promise<void> {
    if (this.results.value[id]) return;
    const result = await this.api.call("get", "/api/v1/runs/{id}", { at: { id } });
    this.results.value = { ...this.results.value, [id]: result };
  }

  private async done(what: () => Promise<unknown>): Promise<boolean> {
    try {
      await what();
      this.problem.value = "";
    } catch (e) {
      this.problem.value = said(e);
      return false;
    }
    await this.read();
    return true;
  }
}
