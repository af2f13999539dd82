// The register of members: import of lists with a preview, and what members paid in.
import { signal } from "@preact/signals";
import type { Api, Schemas } from "../../ui/api";
import type { Sums } from "./format";
import { long, type Work } from "./work";

export type Person = Schemas["Person"];
export type Balance = Schemas["MemberBalance"];
export type Import = Schemas["MemberImport"];

export class Members {
  readonly persons = signal<Person[] | null>(null);
  readonly seen = signal<Import | null>(null);
  readonly chosen = signal<File | null>(null);
  /** balances are by the member's number, empty until they were asked for. */
  readonly balances = signal<ReadonlyMap<string, Balance>>(new Map());

  constructor(
    private readonly api: Api,
    private readonly work: Work,
    private readonly say: () => Sums,
  ) {}

  private get words() {
    return this.say().words.members;
  }

  async read(): Promise<void> {
    this.persons.value = await this.api.call("get", "/api/v1/members", {});
  }

  /** look tells what an import of the list would change. */
  look(list: File): Promise<void> {
    this.seen.value = null;
    this.chosen.value = list;
    return this.work.doing(this.words.doing.reading(list.name), async () => {
      this.seen.value = await this.send(list, false);
    });
  }

  /** apply imports the list that was looked at, without the rows that do not fit. */
  apply(): Promise<void> {
    const list = this.chosen.value;
    if (!list) return Promise.resolve();
    return this.work.doing(this.words.doing.importing(list.name), async () => {
      const done = await this.send(list, true);
      this.seen.value = done;
      const left = new Set(done.problems.map((p) => p.line)).size;
      this.work.done.value = this.words.doing.imported(list.name, counted(done, this.say()), left);
      await this.read();
    });
  }

  /** balance reads what the ledger has for every member, one after the other. */
  balance(): Promise<void> {
    return this.work.doing(this.words.doing.balances, async () => {
      const all = new Map<string, Balance>();
      for (const p of this.persons.value ?? []) {
        if (p.points > 0) all.set(p.number, await this.api.call("get", "/api/v1/members/{number}/balance", { at: { number: p.number } }));
        this.balances.value = new Map(all);
      }
    });
  }

  /** transfer books what a member paid in (+), or was paid out (−), in millionths; each reference counts once. */
  transfer(number: string, reference: string, millionths: number, digits: number): Promise<void> {
    return this.work.doing(this.words.doing.booking, async () => {
      const b = await this.api.call("post", "/api/v1/members/{number}/transfers", { at: { number }, body: { reference, amount: millionths }, ...long });
      this.balances.value = new Map(this.balances.value).set(number, b);
      this.work.done.value = this.words.doing.booked(this.say().amount(millionths, b.currency, digits), millionths < 0, number, this.say().amount(b.balance, b.currency, digits), b.balance < 0);
    });
  }

  private send(list: File, apply: boolean): Promise<Import> {
    return this.api.call("post", "/api/v1/members", { body: list, query: { apply }, ...long });
  }
}

/** counted says how many rows of a list are new, changed and unchanged. */
export function counted(done: Import, { words }: Sums): string {
  const of = (outcome: string) => done.rows.filter((r) => r.outcome === outcome).length;
  return words.members.counted(of("new"), of("changed"), of("unchanged"));
}

/** millionths reads an amount that was typed, as in 12.50; undefined: it is none, or has more decimals than the currency. */
export function millionths(text: string, digits: number): number | undefined {
  const parts = /^(\d{1,9})(?:[.,](\d+))?$/.exec(text.trim());
  if (!parts || (parts[2] ?? "").length > digits) return undefined;
  const all = Number(parts[1]) * 1e6 + Number((parts[2] ?? "").padEnd(6, "0"));
  return all > 0 ? all : undefined;
}
