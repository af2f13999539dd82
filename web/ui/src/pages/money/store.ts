// What the page of the community's money shows and does. Tariffs and the fund are for all
// who may look at the pages; the rest opens with the operator's key.
import { signal } from "@preact/signals";
import { type Api, Failed, said, type Schemas } from "../../ui/api";
import type { Key } from "../../ui/key";
import type { Role } from "../../ui/session";
import { Bills } from "./bills";
import type { Sums } from "./format";
import { Members } from "./members";
import { Values } from "./values";
import { Work } from "./work";

export type Tariffs = Schemas["Tariffs"];
export type TariffNow = Schemas["TariffNow"];
export type Fund = Schemas["Fund"];

const every = 10_000; // ms

/** parts are those of the page; the first is shown first. */
export const parts = ["tariffs", "fund", "bills", "values", "members"] as const;
export type Part = (typeof parts)[number];

/** partsFor are those for who looks: bills, values and the register are the operator's, values the utility's too, and who has no account may have a key. */
export function partsFor(role: Role | undefined): Part[] {
  if (role === undefined || role === "operator") return [...parts];
  return parts.filter((part) => part === "tariffs" || part === "fund" || (part === "values" && role === "utility"));
}

export class Money {
  readonly part = signal<Part>("tariffs");
  readonly tariffs = signal<Tariffs | null>(null);
  readonly fund = signal<Fund | null>(null);
  /** closed: the community shows nothing without a key. */
  readonly closed = signal(false);
  /** failed says why what is shown may be old, empty while it is not. */
  readonly failed = signal("");
  readonly work = new Work();
  readonly bills: Bills;
  readonly values: Values;
  readonly members: Members;

  constructor(
    readonly key: Key,
    private readonly open: Api,
    private readonly api: Api,
    private readonly say: () => Sums,
    hash = "",
  ) {
    this.bills = new Bills(api, this.work, say);
    this.values = new Values(api, this.work, say);
    this.members = new Members(api, this.work, say);
    this.part.value = named(hash);
  }

  /** go shows the part that an address names. */
  go(hash: string): void {
    this.part.value = named(hash);
    this.work.problem.value = this.work.done.value = "";
    void this.read();
  }

  /** enter keeps the operator's key and shows what it opens; one that is refused is forgotten. */
  enter(key: string): Promise<void> {
    this.key.keep(key);
    return this.work.doing(this.say().words.key.trying, async () => {
      await this.api.call("get", "/api/v1/operator", {});
      await this.all();
    });
  }

  /** follow reads again and again what is shown, for as long as the page is there. */
  async follow(): Promise<void> {
    await this.read();
    setTimeout(() => void this.follow(), every);
  }

  private async read(): Promise<void> {
    if (this.work.busy.value !== "") return; // what is being done reads anew itself
    try {
      await this.all();
      this.failed.value = "";
    } catch (e) {
      this.failed.value = said(e);
    }
  }

  private async all(): Promise<void> {
    const api = !this.key.there ? this.open : this.api;
    try {
      [this.tariffs.value, this.fund.value] = await Promise.all([api.call("get", "/api/v1/tariffs", {}), api.call("get", "/api/v1/fund", {})]);
      this.closed.value = false;
    } catch (e) {
      if (!(e instanceof Failed) || e.status !== 401) throw e;
      this.closed.value = true;
      return;
    }
    if (!this.key.there) return;
    const read = { tariffs: null, fund: null, bills: this.bills, values: this.values, members: this.members }[this.part.value];
    await read?.read();
  }
}

function named(hash: string): Part {
  return parts.find((name) => `#${name}` === hash) ?? "tariffs";
}
