import { describe, expect, it, vi } from "vitest";
import vectors from "./vectors.json";
import { continues, included, leafHash, readCheckpoint, signedBy } from "./verify";

const leaves: string[] = vectors.leaves;
const root = (size: number) => vectors.roots[size] ?? "";
const leaf = (n: number) => leaves[n] ?? "";

/** changed is a text in base64 of which one bit of the first byte differs. */
function changed(hash: string): string {
  const bytes = Uint8Array.from(atob(hash), (c) => c.charCodeAt(0));
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return btoa(String.fromCharCode(...bytes));
}

describe("a path", () => {
  it("leads from each posting to the root of each log that has it, by what package proof makes", async () => {
    expect(vectors.inclusion.length).toBe(190);
    for (const { size, leaf: n, path } of vectors.inclusion) expect(await included(leaf(n), n, size, path, root(size)), `${n} of ${size}`).toBe(true);
  });

  it("does not from another posting, place, root, or by another path", async () => {
    for (const { size, leaf: n, path } of vectors.inclusion) {
      expect(await included(`${leaf(n)} `, n, size, path, root(size)), "bytes").toBe(false);
      expect(await included(leaf(n), n, size, path, changed(root(size))), "root").toBe(false);
      expect(await included(leaf(n), size, size, path, root(size)), "beyond the log").toBe(false);
      expect(await included(leaf(n), n, size, [...path, root(size)], root(size)), "longer").toBe(false);
      if (path.length > 0) expect(await included(leaf(n), n, size, path.slice(1), root(size)), "shorter").toBe(false);
      for (let k = 0; k < path.length; k++) {
        const other = path.map((h, at) => (at === k ? changed(h) : h));
        expect(await included(leaf(n), n, size, other, root(size)), `hash ${k} of ${n} in ${size}`).toBe(false);
      }
      for (let m = 0; m < size; m++) if (m !== n) expect(await included(leaf(n), m, size, path, root(size)), `${n} at ${m}`).toBe(false);
    }
  });
});

describe("a later log", () => {
  it("continues each earlier one", async () => {
    expect(vectors.consistency.length).toBe(171);
    for (const { older, newer, path } of vectors.consistency) {
      expect(await continues({ size: older, root: root(older) }, { size: newer, root: root(newer) }, path), `${newer} after ${older}`).toBe(true);
    }
    expect(await continues({ size: 0, root: root(1) }, { size: 4, root: root(4) }, [])).toBe(true);
    expect(await continues({ size: 4, root: root(4) }, { size: 4, root: root(4) }, [])).toBe(true);
  });

  it("does not continue what was rewritten", async () => {
    for (const { older, newer, path } of vectors.consistency) {
      const [a, b] = [{ size: older, root: root(older) }, { size: newer, root: root(newer) }];
      expect(await continues({ ...a, root: changed(a.root) }, b, path), "older root").toBe(false);
      expect(await continues(a, { ...b, root: changed(b.root) }, path), "newer root").toBe(false);
      expect(await continues(b, a, path), "backwards").toBe(false);
      expect(await continues(a, b, [...path, root(1)]), "longer").toBe(false);
      for (let k = 0; k < path.length; k++) expect(await continues(a, b, path.map((h, at) => (at === k ? changed(h) : h))), `hash ${k}`).toBe(false);
    }
    expect(await continues({ size: 4, root: changed(root(4)) }, { size: 4, root: root(4) }, [])).toBe(false);
  });
});

describe("a checkpoint", () => {
  const { checkpoint, key } = vectors;
  it("is read", () => {
    expect(readCheckpoint(checkpoint)).toEqual({ origin: "commonwatt/test", size: 19, root: root(19), records: 3, recordsRoot: root(19) });
    expect(() => readCheckpoint("hello")).toThrow();
    expect(() => readCheckpoint(checkpoint.replace("\n19\n", "\n-1\n"))).toThrow();
  });

  it("is signed by its key, and not by it once a letter is another", async () => {
    expect(await signedBy(checkpoint, key)).toBe("yes");
    expect(await signedBy(checkpoint, `${key}\n`)).toBe("yes");
    expect(await signedBy(checkpoint.replace("\n19\n", "\n18\n"), key)).toBe("no");
    expect(await signedBy(checkpoint.replace("records 3", "records 4"), key)).toBe("no");
    expect(await signedBy(checkpoint, key.replace("commonwatt/test", "commonwatt/best"))).toBe("no");
    expect(await signedBy(checkpoint, key.replace(/\+[0-9a-f]{8}\+/, "+00000000+"))).toBe("no");
    expect(await signedBy(checkpoint, "")).toBe("no");
    const other = checkpoint.replace(/— (\S+) (\S+)/, (_, name: string, s: string) => `— ${name} ${s.slice(0, 20)}${s[20] === "A" ? "B" : "A"}${s.slice(21)}`);
    expect(await signedBy(other, key)).toBe("no");
  });

  it("says that it was not checked where the browser cannot", async () => {
    const import_ = vi.spyOn(crypto.subtle, "importKey").mockRejectedValue(new Error("NotSupportedError"));
    expect(await signedBy(checkpoint, key)).toBe("unable");
    import_.mockRestore();
  });
});

it("the hash of a leaf is that of its bytes", async () => {
  expect(await leafHash(leaf(0))).toBe(vectors.roots[1]); // the root of a log of one
});
