import { signal } from "@preact/signals";
import type { Api } from "../../ui/api";
import { money } from "../../ui/english";

const every = 60_000; // ms

/** Purse says what the community's fund has. */
export class Purse {
  readonly said = signal("fund");

  constructor(private readonly api: Api) {}

  /** follow reads it again and again; where it cannot be read, what was said stays. */
  async follow(): Promise<void> {
    await this.read().catch(() => {});
    setTimeout(() => void this.follow(), every);
  }

  async read(): Promise<void> {
    const f = await this.api.call("get", "/api/v1/fund", {});
    this.said.value = `fund of ${money(f.balance, f.currency)}`;
  }
}
