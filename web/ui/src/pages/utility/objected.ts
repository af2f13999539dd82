import { signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";

export type Objection = Schemas["Objection"];
export type State = "" | Objection["state"];

/** states are those by which the list is narrowed; empty: all. */
export const states: State[] = ["open", "accepted", "refused", "withdrawn", ""];

/** Objected are the values that members say are wrong, and the one that is being decided. */
export class Objected {
  readonly all = signal<Objection[] | null>(null);
  readonly state = signal<State>("open");
  readonly chosen = signal<Objection | null>(null);
  readonly failed = signal("");

  constructor(private readonly api: Pick<Api, "call">) {}

  /** read reads those in a state. */
  async read(state: State = this.state.value): Promise<void> {
    this.state.value = state;
    try {
      const { objections } = await this.api.call("get", "/api/v1/objections", { query: { state: state || undefined } });
      if (state !== this.state.value) return; // another was asked for meanwhile
      this.all.value = objections;
      this.failed.value = "";
    } catch (e) {
      this.failed.value = said(e);
    }
  }

  /** decide decides about the chosen one; after a failure it stays chosen. */
  async decide(accept: boolean, reason: string, quality: "replaced" | "estimated"): Promise<void> {
    const id = this.chosen.value?.id;
    if (id === undefined) return;
    try {
      await this.api.call("post", "/api/v1/objections/{id}/decision", { at: { id }, body: { accept, reason, quality } });
      this.chosen.value = null;
      await this.read("");
    } catch (e) {
      this.failed.value = said(e);
    }
  }
}
