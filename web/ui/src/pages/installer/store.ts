// What the installer's page shows and does: the community's pairing, over its API.
import { signal } from "@preact/signals";
import { type Api, Failed, said, type Schemas } from "../../ui/api";
import type { Key } from "../../ui/key";
import type { Words } from "./words/en";

export type Device = Schemas["CommunityDevice"];
export type Change = Schemas["DeviceChange"];
export type Trial = Schemas["Trial"];
export type Finding = Schemas["Finding"];
export type Gateway = Schemas["GatewayStatus"];
export type Kind = NonNullable<Schemas["PairingRequest"]["kind"]>;
export type LiveValues = Schemas["LiveValues"];
export type Load = Schemas["SignCheck"]["load"];
export type Profile = Schemas["DeviceProfile"];
export type Session = Schemas["PairingSession"];

/** How is how one device is read where its profile does not say it: its limits, and which part of its unit. */
export type How = Pick<Schemas["PairingRequest"], "part" | "max_regs" | "max_hole" | "gap_ms" | "connect_delay_ms" | "timeout_ms" | "single_connection">;

/** device is how long an answer may take that waits for devices, in ms: a whole network, or a watch, takes minutes. */
const device = { within: 15 * 60_000 };

/** watches are for how long a device may be watched, in s; the second one is usual. */
export const watches = [30, 120, 600];

/** readEvery is how often the lists are read anew while nothing else is done, in ms. */
const readEvery = 5000;

/** Kept is what outlives a reload, and the loss of the connection: where the installer was. */
type Kept = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export class Installer {
  readonly devices = signal<Device[]>([]);
  /** listed tells whether the devices were read: before, that there are none says nothing. */
  readonly listed = signal(false);
  readonly sessions = signal<Session[]>([]);
  readonly profiles = signal<Profile[]>([]);
  readonly gateways = signal<Gateway[]>([]);
  readonly spare = signal(""); // where a simulated device is that is nobody's, empty with real devices
  readonly found = signal<Finding[] | null>(null);
  readonly open = signal<Session | null>(null); // the pairing that is gone on with
  readonly chosen = signal(""); // the device that is looked at
  readonly replacing = signal(""); // the device whose place the next one takes
  readonly trial = signal<Trial | null>(null);
  readonly watchBegan = signal(0); // wall time in ms, 0: nothing is watched
  readonly away = signal(false); // the community does not answer
  readonly busy = signal(""); // what is being waited for
  readonly problem = signal("");
  readonly done = signal("");

  constructor(
    readonly key: Key,
    private readonly api: Api,
    private readonly words: () => Words,
    private readonly kept: Kept,
  ) {}

  /** may tells whether the lists may be asked for. */
  get may(): boolean {
    return this.key.there;
  }

  /** start shows the lists, and the pairing at which the installer was, when the key is known already. */
  start(): void {
    this.chosen.value = this.kept.getItem("installer device") ?? "";
    this.replacing.value = this.kept.getItem("installer replacing") ?? "";
    if (this.may) void this.resume();
    setInterval(() => this.busy.value === "" && this.may && !this.open.value && void this.quietly(), readEvery);
  }

  /** back reads what was missed while there was no connection. */
  back(): void {
    if (this.busy.value === "" && this.may) void this.refresh();
  }

  /** watchFor is how long devices are watched, in s. */
  get watchFor(): number {
    const kept = Number(this.kept.getItem("installer watch"));
    return watches.includes(kept) ? kept : 120;
  }

  set watchFor(s: number) {
    this.kept.setItem("installer watch", String(s));
  }

  /** choose looks at a device, at none with an empty id. */
  choose(id: string): void {
    this.trial.value = null;
    this.keep("device", this.chosen, id);
    this.problem.value = this.done.value = "";
  }

  /** replace has the device that is paired next take another one's place. */
  replace(id: string): void {
    this.choose("");
    this.keep("replacing", this.replacing, id);
  }

  /** rename has people call a device something else. */
  rename(id: string, name: string): Promise<void> {
    return this.change(id, { name }, this.words().rename.saved);
  }

  /** change says what a device is made for. */
  change(id: string, to: Change, done = this.words().made.saved): Promise<void> {
    return this.doing(this.words().busy.saving, async () => {
      await this.api.call("patch", "/api/v1/devices/{device}", { at: { device: id }, body: to });
      await this.read();
      this.done.value = done;
    });
  }

  /** remove lets go of a device, with why; of one that bills its home the installer is sure. */
  remove(d: Device, reason = ""): Promise<void> {
    return this.doing(this.words().busy.removing, async () => {
      await this.api.call("delete", "/api/v1/devices/{device}", { at: { device: d.id }, query: { confirm: d.kind === "meter", ...(reason && { reason }) } });
      this.choose("");
      await this.read();
      this.done.value = this.words().remove.done(d.name ?? d.id);
    });
  }

  /** restore has a device of the configuration that was let go of count again. */
  restore(d: Device): Promise<void> {
    return this.doing(this.words().restore.busy, async () => {
      await this.api.call("post", "/api/v1/devices/{device}/restore", { at: { device: d.id } });
      await this.read();
      this.done.value = this.words().restore.done(d.name ?? d.id);
    });
  }

  /** attempt has a device take a power, in W, for some seconds. */
  attempt(id: string, power: number, seconds: number): Promise<void> {
    this.trial.value = null;
    return this.doing(this.words().busy.trying(seconds), async () => {
      this.trial.value = await this.api.call("post", "/api/v1/devices/{device}/trial", { at: { device: id }, body: { power, seconds }, ...device });
    });
  }

  enter(key: string): Promise<void> {
    this.key.keep(key);
    return this.refresh();
  }

  refresh(): Promise<void> {
    return this.doing(this.words().busy.reading, () => this.read());
  }

  /** look asks a unit of a target what it is, or finds what is at a place when no unit is given: 0 is one too. */
  async look(where: string, unit: number | undefined, how: How = {}): Promise<void> {
    this.found.value = null;
    if (unit === undefined && /^rtu:/.test(where)) this.problem.value = this.words().serialNeedsUnit;
    else if (unit !== undefined) await this.begin(where, unit, how);
    else await this.search(where);
  }

  begin(target: string, unit: number, how: How = {}): Promise<void> {
    return this.doing(this.words().busy.asking(target), async () => {
      this.set(await this.api.call("post", "/api/v1/pairing/sessions", { body: { target, unit, ...how }, ...device }));
    });
  }

  goOn(s: Session): void {
    this.set(s);
  }

  giveUp(s: Session): Promise<void> {
    return this.doing("", async () => {
      await this.end(s);
      await this.read();
    });
  }

  /** leave goes back to the lists, and says what came of the pairing. */
  leave(text = ""): Promise<void> {
    this.set(null);
    return this.refresh().then(() => void (this.done.value = text));
  }

  /** readAs begins the pairing of the same device anew, by another profile, as another kind, or as another part of its unit. */
  readAs(s: Session, profile: string, kind?: Kind, part?: number): Promise<void> {
    return this.doing(this.words().busy.again, async () => {
      const how = { ...limits(s.finding), ...(kind ? { kind } : {}), ...(part ? { part } : {}) };
      const again = await this.api.call("post", "/api/v1/pairing/sessions", { body: { target: s.target, unit: s.unit, profile, ...how }, ...device });
      await this.end(s);
      this.set(again);
    });
  }

  /** measure reads the live values, and has show take them. */
  measure(s: Session, show: (live: LiveValues) => void): Promise<void> {
    return this.doing(this.words().busy.measuring, async () => {
      const now = await this.api.call("post", "/api/v1/pairing/sessions/{id}/measure", { at: { id: s.id }, ...device });
      show(now.live);
      this.open.value = now.session;
    });
  }

  sign(s: Session, load: Load): Promise<void> {
    return this.doing(this.words().busy.comparing, async () => {
      this.open.value = await this.api.call("post", "/api/v1/pairing/sessions/{id}/sign", { at: { id: s.id }, body: { load }, ...device });
    });
  }

  /** bind binds the device, and has it watched. */
  async bind(s: Session, to: Schemas["BindRequest"]): Promise<void> {
    await this.doing(this.words().busy.binding, async () => {
      const replaces = this.replacing.value ? { replaces: this.replacing.value } : {};
      this.open.value = await this.api.call("post", "/api/v1/pairing/sessions/{id}/bind", { at: { id: s.id }, body: { ...to, ...replaces }, ...device });
    });
    if (this.problem.value === "" && this.open.value?.step === "bound") await this.watch(this.open.value);
  }

  /** watch reads the device for a while, and takes it when it answers. */
  watch(s: Session): Promise<void> {
    return this.doing(this.words().busy.watching, async () => {
      this.watchBegan.value = Date.now();
      const passed = await this.api.call("post", "/api/v1/pairing/sessions/{id}/watch", { at: { id: s.id }, body: { seconds: this.watchFor }, ...device }).finally(() => (this.watchBegan.value = 0));
      this.keep("replacing", this.replacing, "");
      this.set(null);
      await this.read();
      this.done.value = result(passed, this.devices.value.some((d) => d.id === passed.device?.id && d.state !== "removed" && !d.configured), this.words());
    });
  }

  /** paired returns the device that a found one is already, if it is one. */
  paired(f: Finding): Device | undefined {
    return this.devices.value.filter((d) => d.state !== "removed").find((d) => (d.target === f.target && d.unit === f.unit) || (f.device.serial !== undefined && d.serial === f.device.serial));
  }

  private search(places: string): Promise<void> {
    return this.doing(this.words().busy.looking, async () => {
      this.found.value = null;
      this.found.value = await this.api.call("post", "/api/v1/pairing/discover", { body: { places }, ...device });
    });
  }

  private end(s: Session): Promise<void> {
    return this.api.call("delete", "/api/v1/pairing/sessions/{id}", { at: { id: s.id } });
  }

  /** resume reads the lists, and goes on with the pairing at which the installer was. */
  private resume(): Promise<void> {
    return this.doing(this.words().busy.reading, async () => {
      await this.read();
      const id = this.kept.getItem("installer session");
      this.set(this.sessions.value.find((s) => s.id === id) ?? null);
    });
  }

  /** quietly reads the lists anew, and says nothing of it. */
  private async quietly(): Promise<void> {
    await this.read().catch(() => {});
  }

  private async read(): Promise<void> {
    try {
      const [devices, sessions, profiles, status] = await Promise.all([
        this.api.call("get", "/api/v1/devices", {}),
        this.api.call("get", "/api/v1/pairing/sessions", {}),
        this.api.call("get", "/api/v1/pairing/profiles", {}),
        this.api.call("get", "/api/v1/status", {}),
      ]);
      [this.devices.value, this.sessions.value, this.profiles.value, this.gateways.value] = [devices, sessions, profiles, status.gateways ?? []];
      this.spare.value = status.simulation?.spare ?? "";
      this.listed.value = true;
      this.away.value = false;
    } catch (e) {
      this.away.value = !(e instanceof Failed) || e.status === 0;
      throw e;
    }
  }

  /** set goes on with a pairing, also after a reload. */
  private set(s: Session | null): void {
    this.open.value = s;
    this.store("session", s?.id ?? "");
  }

  private keep(name: string, at: { value: string }, value: string): void {
    at.value = value;
    this.store(name, value);
  }

  private store(name: string, value: string): void {
    if (value === "") this.kept.removeItem(`installer ${name}`);
    else this.kept.setItem(`installer ${name}`, value);
  }

  /** doing waits for the device or the community, and tells what went wrong. */
  private async doing(what: string, work: () => Promise<void>): Promise<void> {
    this.busy.value = what;
    this.problem.value = this.done.value = "";
    try {
      await work();
    } catch (e) {
      this.away.value = !(e instanceof Failed);
      this.problem.value = this.away.value ? this.words().away : said(e);
    }
    this.busy.value = "";
  }
}

/** Choices are what a device may be bound to: what there is, and what is meant where nobody says otherwise. */
export interface Choices {
  members: string[];
  points: string[];
  point: string;
  id: string;
}

/** choices are for a kind of device of a member, who may be a new one: a connection meter brings a metering point, anything else stands behind one. */
export function choices(devices: Device[], kind: string, member: string): Choices {
  const meters = devices.filter((d) => d.kind === "meter" && d.state !== "removed");
  const of = (all: Device[]) => [...new Set(all.map((d) => d.metering_point))];
  const own = of(meters.filter((d) => d.member === member));
  const id = member && free(`${member}/${kind}`, devices.map((d) => d.id));
  const members = [...new Set(meters.map((d) => d.member))];
  if (kind === "meter") {
    const point = member && free(`mp-${member}`, of(meters));
    return { members, points: point ? [point] : [], point, id };
  }
  return { members, points: own.length > 0 ? own : of(meters), point: own[0] ?? "", id };
}

/** free is a name, or where it is taken that with the next number. */
export function free(name: string, taken: string[]): string {
  let one = name;
  for (let n = 2; taken.includes(one); n++) one = `${name}-${n}`;
  return one;
}

/** limits are those of one device, without the part of its unit: another profile counts parts otherwise. */
export function limits(f: How = {}): How {
  const { max_regs, max_hole, gap_ms, connect_delay_ms, timeout_ms, single_connection } = f;
  const all: How = { max_regs, max_hole, gap_ms, connect_delay_ms, timeout_ms, single_connection };
  return Object.fromEntries(Object.entries(all).filter(([, v]) => v !== undefined));
}

/** result says what a watch showed, and whether the device was kept. */
export function result(s: Session, kept: boolean, { pairing }: Words): string {
  const w = s.watch;
  const read = pairing.result(s.device?.id ?? "", w?.readings ?? 0, w?.seconds ?? 0, w?.longest_gap_s ?? 0);
  const missing = w && w.missing_counters.length > 0 ? pairing.missing(w.missing_counters.join(", ")) : "";
  return `${read}${missing}${kept ? pairing.kept : pairing.simulated}`;
}
