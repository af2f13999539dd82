// How the community fares, backups, and the list of members: what the operator's page asks for.
import { signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";

export type Operation = Schemas["Operation"];
export type Check = Schemas["Check"];
export type Import = Schemas["MemberImport"];

const every = 5000; // ms
const long = { within: 20 * 60_000 };

/** leastPassphrase is how many characters a backup's passphrase has at least. */
export const leastPassphrase = 12;

/** Work is one thing that is being done: nothing, under way, done, or why it was not. */
export type Work = { is: "idle" } | { is: "busy" } | { is: "done"; what: string } | { is: "failed"; why: string };

/** Saves puts a file into the hands of who looks at the page. */
export type Saves = (file: Blob, name: string) => void;

export class Office {
  readonly operation = signal<Operation | null>(null);
  /** at is the wall time at which that was read, ms. */
  readonly at = signal(0);
  /** old says why what is shown may be old, empty while it is not. */
  readonly old = signal("");
  readonly backup = signal<Work>({ is: "idle" });
  readonly seen = signal<Import | null>(null);
  readonly importing = signal<Work>({ is: "idle" });

  constructor(
    private readonly api: Api,
    private readonly saves: Saves,
  ) {}

  /** follow reads how all fares again and again, for as long as the page is there. */
  async follow(): Promise<void> {
    await this.read();
    setTimeout(() => void this.follow(), every);
  }

  async read(): Promise<void> {
    try {
      this.operation.value = await this.api.call("get", "/api/v1/operation", {});
      this.at.value = Date.now();
      this.old.value = "";
    } catch (e) {
      this.old.value = said(e);
    }
  }

  /** backUp has a backup made and saves it. */
  async backUp(passphrase: string, now: Date): Promise<void> {
    this.backup.value = { is: "busy" };
    try {
      const file = await this.api.call("post", "/api/v1/backup", { body: { passphrase }, ...long });
      const name = `${this.operation.value?.community ?? "community"}-${now.toISOString().slice(0, 16).replace(/[-:]/g, "").replace("T", "-")}.cwbackup`;
      this.saves(file, name);
      this.backup.value = { is: "done", what: name };
    } catch (e) {
      this.backup.value = { is: "failed", why: said(e) };
    }
  }

  /** look tells what an import of a list of members would change, and apply does it. */
  async members(list: File, apply: boolean): Promise<void> {
    this.importing.value = { is: "busy" };
    try {
      this.seen.value = await this.api.call("post", "/api/v1/members", { body: list, query: { apply }, ...long });
      this.importing.value = { is: "done", what: list.name };
    } catch (e) {
      this.importing.value = { is: "failed", why: said(e) };
    }
  }
}

/** wrong are the checks that are not good. */
export function wrong(o: Operation): Check[] {
  return o.checks.filter((c) => !c.good);
}
