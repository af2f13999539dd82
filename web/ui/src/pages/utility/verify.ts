// The check of what the community proves, in this browser: Merkle paths as in RFC 6962 (section 2.1) by the
// algorithms of RFC 9162 (2.1.3.2 and 2.1.4.2), and checkpoints, which are notes signed with Ed25519.

/** Hash is a SHA-256. */
type Hash = Uint8Array<ArrayBuffer>;

/** Checkpoint is what a signed note commits to. */
export interface Checkpoint {
  origin: string;
  size: number;
  root: string;
  records: number;
  recordsRoot: string;
}

const bytesOf = (text: string): Hash => new TextEncoder().encode(text);

/** fromBase64 reads bytes; it throws where the text is not in base64. */
export function fromBase64(text: string): Hash {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

function toBase64(bytes: Hash): string {
  return btoa(String.fromCharCode(...bytes));
}

/** toHex writes bytes as they stand in a key. */
export function toHex(bytes: Hash): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

async function sha256(...parts: Hash[]): Promise<Hash> {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
}

/** leafHash is the hash of a record of the log, in base64. */
export async function leafHash(text: string): Promise<string> {
  return toBase64(await sha256(Uint8Array.of(0), bytesOf(text)));
}

const node = (left: Hash, right: Hash) => sha256(Uint8Array.of(1), left, right);

const odd = (n: number) => n % 2 === 1;
const half = (n: number) => Math.floor(n / 2);

/** included tells whether a path leads from the record at a leaf to the root of a log of a size. */
export async function included(text: string, leaf: number, size: number, path: readonly string[], root: string): Promise<boolean> {
  if (leaf < 0 || leaf >= size) return false;
  let [fn, sn, r] = [leaf, size - 1, fromBase64(await leafHash(text))];
  for (const p of path.map(fromBase64)) {
    if (sn === 0) return false;
    if (odd(fn) || fn === sn) {
      r = await node(p, r);
      while (!odd(fn) && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else r = await node(r, p);
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && toBase64(r) === root;
}

/** Tree is a log of a size by its root. */
export interface Tree {
  size: number;
  root: string;
}

/** continues tells whether a path proves that a log begins with an older one. */
export async function continues(older: Tree, newer: Tree, path: readonly string[]): Promise<boolean> {
  if (older.size > newer.size) return false;
  if (older.size === newer.size) return path.length === 0 && older.root === newer.root;
  if (older.size === 0) return path.length === 0;
  const hashes = path.map(fromBase64);
  if (Number.isInteger(Math.log2(older.size))) hashes.unshift(fromBase64(older.root));
  let [fn, sn] = [older.size - 1, newer.size - 1];
  while (odd(fn)) [fn, sn] = [half(fn), half(sn)];
  const first = hashes.shift();
  if (!first) return false;
  let [fr, sr] = [first, first];
  for (const c of hashes) {
    if (sn === 0) return false;
    if (odd(fn) || fn === sn) {
      [fr, sr] = [await node(c, fr), await node(c, sr)];
      while (!odd(fn) && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else sr = await node(sr, c);
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && toBase64(fr) === older.root && toBase64(sr) === newer.root;
}

/** readCheckpoint reads what a signed note says; it throws where that is not a checkpoint. */
export function readCheckpoint(signed: string): Checkpoint {
  const found = /^([^\n]+)\n(\d{1,15})\n([A-Za-z0-9+/]{43}=)\nrecords (\d{1,15}) ([A-Za-z0-9+/]{43}=)\n\n— /.exec(signed);
  if (!found) throw new Error("not a signed checkpoint");
  const [, origin = "", size, root = "", records, recordsRoot = ""] = found;
  return { origin, size: Number(size), root, records: Number(records), recordsRoot };
}

/** Signed says whether a key has signed: unable where this browser cannot tell. */
export type Signed = "yes" | "no" | "unable";

/** signedBy tells whether a note was signed by a verifier key. */
export async function signedBy(note: string, key: string): Promise<Signed> {
  const split = note.indexOf("\n\n");
  const parts = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(key.trim());
  if (split < 0 || !parts) return "no";
  const [, name = "", id = "", data = ""] = parts;
  const material = readable(data);
  if (material?.length !== 33 || material[0] !== 1) return "no"; // 1: Ed25519
  if (toHex((await sha256(bytesOf(`${name}\n`), material)).slice(0, 4)) !== id) return "no";
  const text = bytesOf(note.slice(0, split + 1));
  for (const line of note.slice(split + 2).split("\n")) {
    if (!line.startsWith(`— ${name} `)) continue;
    const signature = readable(line.slice(name.length + 3));
    if (signature?.length !== 68 || toHex(signature.slice(0, 4)) !== id) continue;
    return verified(material.slice(1), signature.slice(4), text);
  }
  return "no";
}

function readable(text: string): Hash | undefined {
  try {
    return fromBase64(text);
  } catch {
    return undefined;
  }
}

async function verified(key: Hash, signature: Hash, text: Hash): Promise<Signed> {
  try {
    const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return (await crypto.subtle.verify("Ed25519", imported, signature, text)) ? "yes" : "no";
  } catch {
    return "unable"; // older browsers do not have Ed25519
  }
}
