import { signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";
import { type Checkpoint, continues, readCheckpoint, type Signed, signedBy } from "./verify";

type Given = Schemas["ConsistencyProof"];

/** Compared is what this browser found of two checkpoints. */
export interface Compared {
  older: Checkpoint;
  newer: Checkpoint;
  /** note is the newer one, as it was signed. */
  note: string;
  olderSigned: Signed;
  newerSigned: Signed;
  /** postings and records: the newer log begins with the older one. */
  postings: boolean;
  records: boolean;
  own: boolean;
}

/** continued tells whether nothing that was checked failed. */
export function continued(c: Compared): boolean {
  return c.postings && c.records && c.older.origin === c.newer.origin && c.olderSigned !== "no" && c.newerSigned !== "no";
}

/** compare verifies that what was given continues an older checkpoint. */
export async function compare(note: string, given: Given, own: string): Promise<Compared> {
  const [older, newer, key] = [readCheckpoint(note), readCheckpoint(given.checkpoint), own || given.key];
  return {
    older, newer, note: given.checkpoint, own: own !== "",
    olderSigned: await signedBy(note, key),
    newerSigned: await signedBy(given.checkpoint, key),
    postings: await continues({ size: older.size, root: older.root }, { size: newer.size, root: newer.root }, given.postings),
    records: await continues({ size: older.records, root: older.recordsRoot }, { size: newer.records, root: newer.recordsRoot }, given.records),
  };
}

/** Trust is what an auditor keeps in this browser: a copy of the key, and an earlier checkpoint. */
export class Trust {
  /** key is the reader's copy, empty without one. */
  readonly key = signal("");
  /** kept is an earlier checkpoint, empty without one. */
  readonly kept = signal("");
  readonly compared = signal<Compared | null>(null);
  readonly failed = signal("");

  constructor(
    private readonly api: Pick<Api, "call">,
    private readonly storage: Pick<Storage, "getItem" | "setItem">,
  ) {
    this.key.value = storage.getItem("auditor-key") ?? "";
    this.kept.value = storage.getItem("auditor-checkpoint") ?? "";
  }

  /** keepKey keeps a copy of the key; an empty one is forgotten. */
  keepKey(key: string): void {
    this.key.value = key.trim();
    this.storage.setItem("auditor-key", this.key.value);
  }

  /** keep keeps a checkpoint for later; one that cannot be read is refused. */
  keep(note: string): boolean {
    try {
      readCheckpoint(note);
    } catch (e) {
      this.failed.value = said(e);
      return false;
    }
    this.kept.value = note;
    this.compared.value = null;
    this.failed.value = "";
    this.storage.setItem("auditor-checkpoint", note);
    return true;
  }

  /** check holds the last checkpoint against the one that was kept. */
  async check(): Promise<void> {
    this.compared.value = null;
    this.failed.value = "";
    try {
      const { size, records } = readCheckpoint(this.kept.value);
      const given = await this.api.call("get", "/api/v1/ledger/consistency", { query: { size, records } });
      this.compared.value = await compare(this.kept.value, given, this.key.value);
    } catch (e) {
      this.failed.value = said(e);
    }
  }
}
