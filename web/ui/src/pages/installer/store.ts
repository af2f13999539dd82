// What the installer's page shows and does: the community's pairing, over its API.
import { signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";
import type { Key } from "../../ui/key";

export type Device = Schemas["PairedDevice"];
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

/** watchFor is how long a device is watched, in s. */
export const watchFor = 120;

export class Installer {
  readonly devices = signal<Device[]>([]);
  readonly sessions = signal<Session[]>([]);
  readonly profiles = signal<Profile[]>([]);
  readonly gateways = signal<Gateway[]>([]);
  readonly found = signal<Finding[] | null>(null);
  readonly open = signal<Session | null>(null); // the pairing that is gone on with
  readonly busy = signal(""); // what is being waited for
  readonly problem = signal("");
  readonly done = signal("");

  constructor(
    readonly key: Key,
    private readonly api: Api,
  ) {}

  /** start shows the lists when the key is known already. */
  start(): void {
    if (this.key.there) void this.refresh();
  }

  enter(key: string): Promise<void> {
    this.key.keep(key);
    return this.refresh();
  }

  refresh(): Promise<void> {
    return this.doing("Reading the list of devices…", () => this.read());
  }

  /** look asks a unit of a target what it is, or finds what is at a place when no unit is given: 0 is one too. */
  async look(where: string, unit: number | undefined, how: How = {}): Promise<void> {
    this.found.value = null;
    if (unit === undefined && /^rtu:/.test(where)) this.problem.value = "A serial line is not searched: give the unit of the device.";
    else if (unit !== undefined) await this.begin(where, unit, how);
    else await this.search(where);
  }

  begin(target: string, unit: number, how: How = {}): Promise<void> {
    return this.doing(`Asking ${target} what it is…`, async () => {
      this.done.value = "";
      this.open.value = await this.api.call("post", "/api/v1/pairing/sessions", { body: { target, unit, ...how }, ...device });
    });
  }

  goOn(s: Session): void {
    this.open.value = s;
  }

  giveUp(s: Session): Promise<void> {
    return this.doing("", async () => {
      await this.end(s);
      await this.read();
    });
  }

  /** leave goes back to the lists, and says what came of the pairing. */
  leave(text = ""): Promise<void> {
    this.open.value = null;
    this.done.value = text;
    return this.refresh();
  }

  /** readAs begins the pairing of the same device anew, by another profile, as another kind, or as another part of its unit. */
  readAs(s: Session, profile: string, kind?: Kind, part?: number): Promise<void> {
    return this.doing("Asking the device again…", async () => {
      const how = { ...limits(s.finding), ...(kind ? { kind } : {}), ...(part ? { part } : {}) };
      const again = await this.api.call("post", "/api/v1/pairing/sessions", { body: { target: s.target, unit: s.unit, profile, ...how }, ...device });
      await this.end(s);
      this.open.value = again;
    });
  }

  /** measure reads the live values, and has show take them. */
  measure(s: Session, show: (live: LiveValues) => void): Promise<void> {
    return this.doing("Reading the device…", async () => {
      const now = await this.api.call("post", "/api/v1/pairing/sessions/{id}/measure", { at: { id: s.id }, ...device });
      show(now.live);
      this.open.value = now.session;
    });
  }

  sign(s: Session, load: Load): Promise<void> {
    return this.doing("Comparing with the device…", async () => {
      this.open.value = await this.api.call("post", "/api/v1/pairing/sessions/{id}/sign", { at: { id: s.id }, body: { load }, ...device });
    });
  }

  bind(s: Session, to: Schemas["BindRequest"]): Promise<void> {
    return this.doing("Binding…", async () => {
      this.open.value = await this.api.call("post", "/api/v1/pairing/sessions/{id}/bind", { at: { id: s.id }, body: to, ...device });
    });
  }

  watch(s: Session): Promise<void> {
    return this.doing("Reading the device as the community will…", async () => {
      const passed = await this.api.call("post", "/api/v1/pairing/sessions/{id}/watch", { at: { id: s.id }, body: { seconds: watchFor }, ...device });
      const devices = await this.api.call("get", "/api/v1/pairing/devices", {});
      await this.leave(result(passed, devices.some((d) => d.id === passed.device?.id)));
    });
  }

  /** connectionMeters are "MEMBER METERING-POINT" of the devices that bill. */
  connectionMeters(): string[] {
    return [...new Set(this.devices.value.filter((d) => d.kind === "meter").map((d) => `${d.member} ${d.metering_point}`))];
  }

  /** paired returns the device that a found one is already, if it is one. */
  paired(f: Finding): Device | undefined {
    return this.devices.value.find((d) => (d.target === f.target && d.unit === f.unit) || (f.device.serial !== undefined && d.serial === f.device.serial));
  }

  private search(places: string): Promise<void> {
    return this.doing("Looking for devices, gently: a whole network takes a minute or two…", async () => {
      this.found.value = null;
      this.found.value = await this.api.call("post", "/api/v1/pairing/discover", { body: { places }, ...device });
    });
  }

  private end(s: Session): Promise<void> {
    return this.api.call("delete", "/api/v1/pairing/sessions/{id}", { at: { id: s.id } });
  }

  private async read(): Promise<void> {
    const [devices, sessions, profiles, status] = await Promise.all([
      this.api.call("get", "/api/v1/pairing/devices", {}),
      this.api.call("get", "/api/v1/pairing/sessions", {}),
      this.api.call("get", "/api/v1/pairing/profiles", {}),
      this.api.call("get", "/api/v1/status", {}),
    ]);
    [this.devices.value, this.sessions.value, this.profiles.value, this.gateways.value] = [devices, sessions, profiles, status.gateways ?? []];
  }

  /** doing waits for the device or the community, and tells what went wrong. */
  private async doing(what: string, work: () => Promise<void>): Promise<void> {
    this.busy.value = what;
    this.problem.value = "";
    try {
      await work();
    } catch (e) {
      this.problem.value = said(e);
    }
    this.busy.value = "";
  }
}

/** limits are those of one device, without the part of its unit: another profile counts parts otherwise. */
export function limits(f: How = {}): How {
  const { max_regs, max_hole, gap_ms, connect_delay_ms, timeout_ms, single_connection } = f;
  const all: How = { max_regs, max_hole, gap_ms, connect_delay_ms, timeout_ms, single_connection };
  return Object.fromEntries(Object.entries(all).filter(([, v]) => v !== undefined));
}

/** result says what a watch showed, and whether the device was kept. */
export function result(s: Session, kept: boolean): string {
  const w = s.watch;
  const read = `${s.device?.id}: ${w?.readings} readings in ${w?.seconds} s, longest gap ${w?.longest_gap_s} s.`;
  const missing = w && w.missing_counters.length > 0 ? ` It never showed its ${w.missing_counters.join(" and ")} counter.` : "";
  return `${read}${missing} ${kept ? "It is paired, and is read from now on." : "This community is simulated: the device was not added."}`;
}
