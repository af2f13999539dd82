import { describe, expect, it } from "vitest";
import { type Api, Failed } from "../../ui/api";
import { Office, wrong } from "./store";

function office(answer: (path: string, ask: { body?: unknown }) => unknown) {
  const saved: string[] = [];
  const o = new Office({ call: (_: string, path: string, ask: { body?: unknown }) => Promise.resolve().then(() => answer(path, ask)) } as unknown as Api, (_, name) => void saved.push(name));
  return { o, saved };
}

describe("the operator's page", () => {
  it("saves a backup under the community's name and the time", async () => {
    const { o, saved } = office((path, ask) => {
      if (path === "/api/v1/operation") return { community: "oak-street", checks: [] };
      expect([path, ask.body]).toEqual(["/api/v1/backup", { passphrase: "oak street, number nine" }]);
      return new Blob(["sealed"]);
    });
    await o.read();
    await o.backUp("oak street, number nine", new Date("2026-06-01T10:05:00Z"));
    expect(saved).toEqual(["oak-street-20260601-1005.cwbackup"]);
    expect(o.backup.value).toEqual({ is: "done", what: "oak-street-20260601-1005.cwbackup" });
  });

  it("says why there is no backup, and saves none", async () => {
    const { o, saved } = office(() => {
      throw new Failed("a backup is being made already: wait until it is done", 409);
    });
    await o.backUp("oak street, number nine", new Date());
    expect([o.backup.value, saved]).toEqual([{ is: "failed", why: "a backup is being made already: wait until it is done" }, []]);
  });

  it("keeps what it had, and says that it is old, when nothing answers", async () => {
    let fails = false;
    const { o } = office(() => {
      if (fails) throw new Failed("503 Service Unavailable", 503);
      return { community: "oak-street", checks: [{ name: "disk", good: false, text: "full" }, { name: "clock", good: true }] };
    });
    await o.read();
    fails = true;
    await o.read();
    expect([o.operation.value?.community, o.old.value]).toEqual(["oak-street", "503 Service Unavailable"]);
    expect(wrong(o.operation.value!).map((c) => c.name)).toEqual(["disk"]);
  });
});
