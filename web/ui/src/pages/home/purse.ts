import { signal } from "@preact/signals";
import type { Api } from "../../ui/api";

const every = 60_000; // ms

/** Purse knows what the community's fund has. */
export class Purse {
  /** balance is in millionths of the currency unit; undefined until it is known. */
  readonly balance = signal<number | undefined>(undefined);

  constructor(private readonly api: Api) {}

  /** follow reads it again and again; where it cannot be read, what was known stays. */
  async follow(): Promise<void> {
    await this.read().catch(() => {});
    setTimeout(() => void this.follow(), every);
  }

  async read(): Promise<void> {
    this.balance.value = (await this.api.call("get", "/api/v1/fund", {})).balance;
  }
}
