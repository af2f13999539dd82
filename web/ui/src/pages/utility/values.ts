import { signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";

export type Files = Schemas["ValuesFiles"];
export type Reconciliation = Schemas["Reconciliation"];

/** Values are the grid operator's meter values, and how they compare with the signed ones. */
export class Values {
  readonly files = signal<Files | null>(null);
  readonly compared = signal<Reconciliation | null>(null);
  readonly failed = signal("");

  constructor(private readonly api: Pick<Api, "call">) {}

  /** read asks what was imported, and compares the last month that is over. */
  async read(): Promise<void> {
    try {
      this.files.value = await this.api.call("get", "/api/v1/values", {});
      await this.compare();
    } catch (e) {
      this.failed.value = said(e);
    }
  }

  /** compare compares a month, as in 2026-06. */
  async compare(month?: string): Promise<void> {
    try {
      this.compared.value = await this.api.call("get", "/api/v1/values/reconciliation", { query: { month } });
      this.failed.value = "";
    } catch (e) {
      this.failed.value = said(e);
    }
  }
}
