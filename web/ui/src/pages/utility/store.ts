import { signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";

export type Ledger = Schemas["Ledger"];
export type Rewards = Schemas["Rewards"];

const every = 5000; // ms

/** Books are what the page shows of the ledger and of the rewards. */
export class Books {
  readonly ledger = signal<Ledger | null>(null);
  readonly rewards = signal<Rewards | null>(null);
  /** at is the wall time at which both were read, ms. */
  readonly at = signal(0);
  /** failed says why what is shown may be old, empty while it is not. */
  readonly failed = signal("");

  /** all: who looks may also see the rewards. */
  constructor(
    private readonly api: Pick<Api, "call">,
    private readonly all = true,
  ) {}

  /** follow reads all again and again, for as long as the page is there. */
  async follow(): Promise<void> {
    await this.read();
    setTimeout(() => void this.follow(), every);
  }

  private async read(): Promise<void> {
    try {
      [this.ledger.value, this.rewards.value] = await Promise.all([
        named("/api/v1/ledger", this.api.call("get", "/api/v1/ledger", {})),
        this.all ? named("/api/v1/rewards", this.api.call("get", "/api/v1/rewards", {})) : null,
      ]);
      this.at.value = Date.now();
      this.failed.value = "";
    } catch (e) {
      this.failed.value = said(e);
    }
  }
}

/** named says of what fails where it was asked. */
function named<T>(path: string, answer: Promise<T>): Promise<T> {
  return answer.catch((e: unknown) => {
    throw new Error(`${path}: ${said(e)}`);
  });
}
