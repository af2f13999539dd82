// The grid operator's meter values: look at a file, import it, compare both settlements.
import { signal } from "@preact/signals";
import type { Api, Schemas } from "../../ui/api";
import { csv, type Sums } from "./format";
import { long, type Work } from "./work";

export type Import = Schemas["ValuesImport"];
export type Files = Schemas["ValuesFiles"];
export type Reconciliation = Schemas["Reconciliation"];

/** Chosen is a file of values with what is said about it. */
export interface Chosen {
  file: File;
  mapping?: File;
  format?: string; // undefined: found out
}

export class Values {
  readonly files = signal<Files | null>(null);
  /** seen is what an import of chosen does, or would do. */
  readonly seen = signal<Import | null>(null);
  readonly chosen = signal<Chosen | null>(null);
  readonly compared = signal<Reconciliation | null>(null);

  constructor(
    private readonly api: Api,
    private readonly work: Work,
    private readonly say: () => Sums,
  ) {}

  private get words() {
    return this.say().words.values;
  }

  async read(): Promise<void> {
    this.files.value = await this.api.call("get", "/api/v1/values", {});
  }

  /** look tells what an import of the file would do. */
  look(chosen: Chosen): Promise<void> {
    this.seen.value = null;
    this.chosen.value = chosen;
    return this.work.doing(this.words.doing.reading(chosen.file.name), async () => {
      this.seen.value = await this.send(chosen, false);
    });
  }

  /** apply imports the file that was looked at. */
  apply(): Promise<void> {
    const chosen = this.chosen.value;
    if (!chosen) return Promise.resolve();
    return this.work.doing(this.words.doing.importing(chosen.file.name), async () => {
      const done = await this.send(chosen, true);
      this.seen.value = done;
      if (done.problems.length === 0) this.work.done.value = imported(chosen.file.name, done, this.say());
      await this.read();
    });
  }

  /** compare reads both tables of a month, an empty one is the last that is over. */
  compare(month: string, all: boolean): Promise<void> {
    return this.work.doing(this.words.doing.comparing, async () => {
      this.compared.value = null;
      this.compared.value = await this.api.call("get", "/api/v1/values/reconciliation", { query: { month, all }, ...long });
    });
  }

  private send(chosen: Chosen, apply: boolean): Promise<Import> {
    const form = new FormData();
    form.set("file", chosen.file);
    if (chosen.mapping) form.set("mapping", chosen.mapping);
    return this.api.call("post", "/api/v1/values", { body: form, query: { apply, format: chosen.format }, ...long });
  }
}

/** imported says what came of an import. */
export function imported(name: string, done: Import, { words }: Sums): string {
  if (done.already) return words.values.already(name);
  return words.values.imported(name, done.new, done.changed, done.same, done.corrects);
}

/** ready tells whether a file that was looked at can be imported. */
export function ready(seen: Import | null): boolean {
  return seen !== null && seen.problems.length === 0 && !seen.already && !seen.applied;
}

/** energyTable and moneyTable are both tables as CSV: Wh, and millionths of the currency unit, + the member receives. */
export function energyTable(r: Reconciliation): string {
  return csv([
    ["metering_point", "interval", "signed_import_wh", "official_import_wh", "signed_export_wh", "official_export_wh", "signed_quality", "quality", "reason"],
    ...r.energy.map((e) => [e.point, e.interval, e.signed_import, e.official_import, e.signed_export, e.official_export, e.signed_quality, e.quality, e.reason]),
  ]);
}

export function moneyTable(r: Reconciliation): string {
  return csv([["member", `signed_millionths_${r.currency}`, "official", "difference"], ...r.money.map((m) => [m.member, m.signed, m.official, m.difference])]);
}

/** sum adds up what rows have of a field. */
export function sum<Row, Field extends keyof Row>(rows: Row[], field: Field): number {
  return rows.reduce((total, r) => total + Number(r[field]), 0);
}
