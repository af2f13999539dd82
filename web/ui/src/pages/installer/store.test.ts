import { describe, expect, it } from "vitest";
import { type Api, Failed } from "../../ui/api";
import { Key } from "../../ui/key";
import { planning, said } from "./device";
import { words } from "./words/en";
import { choices, type Device, type Finding, free, Installer, result, type Session } from "./store";

const meter: Device = { id: "ann/meter", kind: "meter", member: "ann", metering_point: "mp-ann", target: "tcp://a:502", unit: 1, serial: "S1", state: "online", configured: false, movable: false, removable: true };
const session = { id: "s1", target: "tcp://b:502", unit: 3, step: "identified", profile: "p", kind: "inverter" } as Session;

/** community answers each request by its method and path, and notes what it was asked. */
function community(answers: Record<string, unknown> = {}) {
  const asked: string[] = [];
  const lists: Record<string, unknown> = {
    "get /api/v1/devices": [meter],
    "get /api/v1/pairing/sessions": [session],
    "get /api/v1/pairing/profiles": [],
    "get /api/v1/status": { gateways: [{ id: "g", online: true }] },
  };
  const call = (method: string, path: string, ask: { at?: object; body?: object }) => {
    const what = `${method} ${path}`;
    if (!(what in lists)) asked.push([what, ask.at, ask.body].filter(Boolean).map((x) => (typeof x === "string" ? x : JSON.stringify(x))).join(" "));
    const answer = answers[what] ?? lists[what];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const kept: Record<string, string> = {};
  const key = new Key("installer", { getItem: (name) => kept[name] ?? null, setItem: (name, value) => void (kept[name] = value) });
  const storage = { getItem: (name: string) => kept[name] ?? null, setItem: (name: string, value: string) => void (kept[name] = value), removeItem: (name: string) => void delete kept[name] };
  return { asked, key, kept, installer: new Installer(key, { call } as unknown as Api, () => words, storage) };
}

describe("installer", () => {
  it("reads the lists once it has a key", async () => {
    const { installer, key } = community();
    installer.start();
    expect(installer.busy.value).toBe("");
    const entered = installer.enter("k");
    expect(installer.busy.value).toBe("Reading the list of devices…");
    await entered;
    expect([key.value, installer.busy.value, installer.problem.value]).toEqual(["k", "", ""]);
    expect([installer.devices.value, installer.sessions.value, installer.gateways.value]).toEqual([[meter], [session], [{ id: "g", online: true }]]);
    expect(installer.spare.value).toBe("");
  });
  it("reads the lists without a key for who has signed in", async () => {
    const nothing = { getItem: () => null, setItem: () => {} };
    const { installer } = community();
    const signedIn = new Installer(new Key("installer", nothing, true), { call: () => Promise.resolve([]) } as unknown as Api, () => words, { ...nothing, removeItem: () => {} });
    for (const i of [installer, signedIn]) i.start();
    expect([installer.busy.value, signedIn.busy.value]).toEqual(["", "Reading the list of devices…"]);
  });
  it("looks at a place, at a unit, and not along a serial line", async () => {
    const found = [{ target: "tcp://a:502", unit: 1, device: {}, profiles: [] }] as Finding[];
    const { installer, asked } = community({ "post /api/v1/pairing/discover": found, "post /api/v1/pairing/sessions": session });
    await installer.look("10.0.0.0/24", undefined);
    expect(installer.found.value).toEqual(found);
    await installer.look("rtu:///dev/ttyUSB0", undefined);
    expect([installer.found.value, installer.problem.value]).toEqual([null, "A serial line is not searched: give the unit of the device."]);
    await installer.look("10.0.0.7", 0, { gap_ms: 0, part: 2 });
    await installer.look("rtu:///dev/ttyUSB0", 3);
    expect([installer.open.value, installer.problem.value]).toEqual([session, ""]);
    expect(asked).toEqual([
      'post /api/v1/pairing/discover {"places":"10.0.0.0/24"}',
      'post /api/v1/pairing/sessions {"target":"10.0.0.7","unit":0,"gap_ms":0,"part":2}',
      'post /api/v1/pairing/sessions {"target":"rtu:///dev/ttyUSB0","unit":3}',
    ]);
  });
  it("says what went wrong, and stays where it was", async () => {
    const { installer } = community({ "post /api/v1/pairing/sessions/{id}/bind": new Failed("ann/inverter is bound already", 409) });
    installer.goOn(session);
    await installer.bind(session, { id: "ann/inverter", member: "ann", metering_point: "mp-ann" });
    expect([installer.problem.value, installer.busy.value, installer.open.value]).toEqual(["ann/inverter is bound already", "", session]);
  });
  it("reads a device another way in a pairing of its own, and gives the old one up", async () => {
    const again = { ...session, id: "s2" };
    const { installer, asked } = community({ "post /api/v1/pairing/sessions": again });
    await installer.readAs(session, "q", "battery");
    expect(installer.open.value).toEqual(again);
    expect(asked).toEqual(['post /api/v1/pairing/sessions {"target":"tcp://b:502","unit":3,"profile":"q","kind":"battery"}', 'delete /api/v1/pairing/sessions/{id} {"id":"s1"}']);
  });
  it("goes back to the lists after a watch, and says whether the device was taken", async () => {
    const watch = { seconds: 120, readings: 24, suspect: 0, longest_gap_s: 5.1, missing_counters: [] };
    const { installer } = community({ "post /api/v1/pairing/sessions/{id}/watch": { ...session, step: "watched", device: meter, watch } });
    installer.goOn(session);
    await installer.watch(session);
    expect([installer.open.value, installer.done.value]).toEqual([null, "ann/meter: 24 readings in 120 s, longest gap 5.1 s. It is paired, and is read from now on."]);
    expect(result({ ...session, device: meter, watch: { ...watch, missing_counters: ["import", "export"] } }, false, words)).toBe(
      "ann/meter: 24 readings in 120 s, longest gap 5.1 s. It never showed its import, export counter. This community is simulated: the device was not added.",
    );
  });
  it("knows a device that is paired already by its place, or by its serial number", async () => {
    const { installer } = community();
    await installer.refresh();
    const finding = (target: string, unit: number, serial?: string) => ({ target, unit, device: { serial }, profiles: [] }) as Finding;
    expect([finding("tcp://a:502", 1), finding("tcp://c:502", 9, "S1"), finding("tcp://a:502", 2)].map((f) => installer.paired(f)?.id)).toEqual(["ann/meter", "ann/meter", undefined]);
  });

  it("knows where a device is that is nobody's, in a simulation", async () => {
    const { installer } = community({ "get /api/v1/status": { simulation: { spare: "127.0.0.1:40000" } } });
    await installer.refresh();
    expect(installer.spare.value).toBe("127.0.0.1:40000");
  });

  it("lets go of a device with why, and takes one of the configuration back", async () => {
    const { installer, asked } = community();
    installer.key.keep("k");
    await installer.remove({ ...meter, configured: true }, "broken");
    expect(installer.done.value).toBe("ann/meter is read no more.");
    await installer.restore({ ...meter, configured: true, state: "removed" });
    expect(installer.done.value).toBe("ann/meter is read again.");
    expect(asked).toEqual(['delete /api/v1/devices/{device} {"device":"ann/meter"}', 'post /api/v1/devices/{device}/restore {"device":"ann/meter"}']);
  });

  it("says what a plan needs to know by kind, and takes back what is left empty", () => {
    const form = new FormData();
    form.set("tank", " 300 l ");
    expect(said(form, "heating-rod")).toEqual({ tank: "300 l", temperatures: "", heat_loss: "" });
    expect(said(form, "meter")).toEqual({});
    const asked = Object.values(planning).flat();
    expect([...new Set(asked)].sort()).toEqual(Object.keys(words.planning).filter((name) => name !== "title").sort());
  });
});

describe("what a device may be bound to", () => {
  const at = (member: string, point: string, kind = "meter", state: Device["state"] = "online"): Device => ({ ...meter, id: `${member}/${kind}`, member, metering_point: point, kind, state });
  const all = [at("ann", "mp-ann"), at("ann", "mp-barn", "meter"), at("bob", "mp-bob"), at("cid", "mp-cid", "meter", "removed"), at("bob", "mp-bob", "battery")];
  it("is chosen from the members that have a connection meter, and their points", () => {
    expect(choices(all, "battery", "")).toEqual({ members: ["ann", "bob"], points: ["mp-ann", "mp-barn", "mp-bob"], point: "", id: "" });
    expect(choices(all, "inverter", "ann")).toEqual({ members: ["ann", "bob"], points: ["mp-ann", "mp-barn"], point: "mp-ann", id: "ann/inverter" });
    expect(choices(all, "battery", "bob")).toMatchObject({ point: "mp-bob", id: "bob/battery-2" });
  });
  it("of a connection meter is a point of its own", () => {
    expect(choices(all, "meter", "dora")).toMatchObject({ points: ["mp-dora"], point: "mp-dora", id: "dora/meter" });
    expect(choices(all, "meter", "ann")).toMatchObject({ points: ["mp-ann-2"], point: "mp-ann-2", id: "ann/meter-2" });
    expect(choices(all, "meter", "cid")).toMatchObject({ point: "mp-cid", id: "cid/meter-2" }); // the ledger knows the one that was let go of
    expect(choices(all, "meter", "")).toMatchObject({ points: [], point: "", id: "" });
  });
  it("has the next free name", () => expect([free("a", []), free("a", ["a"]), free("a", ["a", "a-2"])]).toEqual(["a", "a-2", "a-3"]));
});
