import { signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";
import type { Row } from "./finder";
import type { Trust } from "./trust";
import { included, leafHash, readCheckpoint, type Signed, signedBy } from "./verify";

type Given = Schemas["PostingProof"];

/** Proof is what the community gave for a posting, and what this browser found when it checked it. */
export interface Proof {
  given: Given;
  /** hash is that of the leaf, in base64. */
  hash: string;
  root: string;
  /** same: the bytes say what the row shows. */
  same: boolean;
  /** included: the path leads from the bytes to the root. */
  included: boolean;
  signed: Signed;
  /** own: the key is the reader's copy, else the one that came with the proof. */
  own: boolean;
}

/** holds tells whether nothing that was checked failed. */
export function holds(p: Proof): boolean {
  return p.same && p.included && p.signed !== "no";
}

/** check verifies what was given for a row. */
export async function check(row: Row, given: Given, own: string): Promise<Proof> {
  const [hash, at] = [await leafHash(given.text), readCheckpoint(given.checkpoint)];
  return {
    given, hash, root: at.root, same: says(given.text, row), own: own !== "",
    included: given.leaf === row.leaf && given.size === at.size && (await included(given.text, given.leaf, at.size, given.path, at.root)),
    signed: await signedBy(given.checkpoint, own || given.key),
  };
}

/** says tells whether the bytes of a leaf are the posting of a row. */
function says(text: string, { posting }: Row): boolean {
  try {
    const leaf = JSON.parse(text) as Record<string, unknown>;
    return Object.entries(posting).every(([name, value]) => leaf[name] === value);
  } catch {
    return false;
  }
}

/** Prover proves one posting at a time. */
export class Prover {
  readonly row = signal<Row | null>(null);
  readonly proof = signal<Proof | null>(null);
  readonly failed = signal("");

  constructor(
    private readonly api: Pick<Api, "call">,
    private readonly trust: Pick<Trust, "key">,
  ) {}

  /** open asks for the proof of a row, and checks it. */
  async open(row: Row): Promise<void> {
    this.row.value = row;
    this.proof.value = null;
    this.failed.value = "";
    try {
      const given = await this.api.call("get", "/api/v1/ledger/postings/{leaf}/proof", { at: { leaf: row.leaf } });
      const proof = await check(row, given, this.trust.key.value);
      if (this.row.value === row) this.proof.value = proof;
    } catch (e) {
      if (this.row.value === row) this.failed.value = said(e);
    }
  }

  close(): void {
    this.row.value = null;
  }
}
