// The installer's page: find a device, pair it step by step, see what is paired. A
// pairing that was interrupted, here or on the command line, goes on from its list.
import { clock, day } from "../../ui/english";
import { Alert } from "../../ui/alert";
import { Shell } from "../../ui/shell";
import type { Site } from "../../ui/start";
import { type Column, Table } from "../../ui/table";
import { Pairing } from "./pairing";
import type { Device, Finding, Gateway, How, Installer, Session } from "./store";

interface Props {
  installer: Installer;
}

export function App({ site, installer }: Props & { site: Site }) {
  const open = installer.open.value;
  return (
    <Shell site={site} page="devices">
      {installer.problem.value && <Alert kind="error">{installer.problem.value}</Alert>}
      <p class="busy" role="status">
        {installer.busy.value || installer.done.value}
      </p>
      <main>{!installer.key.there ? <Enter installer={installer} /> : open ? <Pairing installer={installer} session={open} /> : <Lists installer={installer} />}</main>
    </Shell>
  );
}

function Enter({ installer }: Props) {
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        void installer.enter(String(new FormData(e.currentTarget).get("key")).trim());
      }}
    >
      <h1>Pair a device</h1>
      <section>
        <label>
          Installer's key <input name="key" type="password" required autocomplete="off" />
        </label>{" "}
        <button>Go on</button>
        <p>
          It is in the file <code>installer.key</code> in the community's data directory, and is forgotten when this tab is closed.
        </p>
      </section>
    </form>
  );
}

function Lists({ installer }: Props) {
  return (
    <>
      <h1>{summary(installer.devices.value.length, installer.sessions.value.length)}</h1>
      <Find installer={installer} />
      {installer.sessions.value.length > 0 && <Unfinished installer={installer} />}
      {installer.gateways.value.length > 0 && <Gateways all={installer.gateways.value} />}
      {installer.devices.value.length > 0 && <Devices all={installer.devices.value} />}
    </>
  );
}

const gateways: Column<Gateway>[] = [
  { cell: (g) => g.id },
  { cell: (g) => (g.online ? "sends" : "silent") },
  { cell: (g) => (g.last_reading ? `last reading of ${day(g.last_reading)}, ${clock(g.last_reading)}` : "nothing came since the start") },
  { cell: (g) => trouble(g) },
];

/** trouble is what is wrong with a gateway's readings, empty when nothing is. */
function trouble(g: Gateway): string {
  const refused = g.refused ? `${g.refused} ${g.refused === 1 ? "batch was" : "batches were"} not accepted, the last because: ${g.refusal}` : "";
  const seconds = Math.round(Math.abs(g.ahead_ms ?? 0) / 1000);
  const off = seconds ? `its clock is ${seconds} s ${(g.ahead_ms ?? 0) > 0 ? "ahead" : "behind"}` : "";
  return [refused, off].filter(Boolean).join("; ");
}

function Gateways({ all }: { all: Gateway[] }) {
  return (
    <section>
      <h2>Gateways on other machines</h2>
      <Table id="gateways" columns={gateways} rows={all} keyOf={(g) => g.id} />
    </section>
  );
}

function summary(paired: number, unfinished: number): string {
  const bound = paired === 0 ? "No device yet: pair the connection meter of a home first" : paired === 1 ? "One device" : `${paired} devices`;
  return unfinished === 0 ? bound : `${bound}, ${unfinished} ${unfinished === 1 ? "pairing" : "pairings"} not finished`;
}

function Find({ installer }: Props) {
  const found = installer.found.value;
  return (
    <section>
      <h2>Find a device</h2>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          const form = new FormData(e.currentTarget);
          void installer.look(String(form.get("where")).trim(), number(form.get("unit")), said(form));
        }}
      >
        <label>
          Where <input name="where" required placeholder="192.168.1.0/24, or 192.168.1.7:502" size={32} />
        </label>{" "}
        <label>
          Unit (empty: look for it) <input name="unit" type="number" min={0} max={255} />
        </label>{" "}
        <button disabled={installer.busy.value !== ""}>Look</button>
        <p>
          A host, a network, or a target as <code>rtuovertcp://192.168.1.7:4196</code> or <code>rtu:///dev/ttyUSB0?baud=9600</code>, which wants its
          unit. Nothing is ever written to a device here.
        </p>
        <details>
          <summary>Limits of this device, where it is not as its profile says (only with a unit)</summary>
          <label>
            Part of the unit, of several meters <input name="part" type="number" min={1} />
          </label>
          {own.map(([name, title, most]) => (
            <label key={name}>
              {title} <input name={name} type="number" min={name === "max_regs" ? 1 : 0} max={most} />
            </label>
          ))}
          <label>
            <input name="single_connection" type="checkbox" /> It accepts one connection
          </label>
        </details>
      </form>
      {found && (found.length === 0 ? <p>Nothing answered there: is Modbus switched on in the device?</p> : <Found installer={installer} all={found} />)}
    </section>
  );
}

/** own are the limits of one device: name in the API, title, and the most that can be given. */
const own = [
  ["max_regs", "Registers of one read at most", 125],
  ["max_hole", "Registers read for nothing between two that are wanted", 125],
  ["gap_ms", "Silence between requests, ms", 60_000],
  ["connect_delay_ms", "Between connecting and the first request, ms", 60_000],
  ["timeout_ms", "That an answer may take, ms", 60_000],
] as const;

/** number is what a field has, undefined when it is empty. */
function number(field: FormDataEntryValue | null): number | undefined {
  return field === null || field === "" ? undefined : Number(field);
}

/** said is what the form says of how the device is read. */
function said(form: FormData): How {
  const all: How = { part: number(form.get("part")), ...(form.get("single_connection") ? { single_connection: true } : {}) };
  for (const [name] of own) all[name] = number(form.get(name));
  return Object.fromEntries(Object.entries(all).filter(([, v]) => v !== undefined));
}

function Found({ installer, all }: Props & { all: Finding[] }) {
  const columns: Column<Finding>[] = [
    {
      cell: (f) => (
        <button disabled={installer.busy.value !== ""} onClick={() => void installer.begin(f.target, f.unit)}>
          Pair
        </button>
      ),
    },
    { title: "Device", cell: (f) => `${[f.device.vendor, f.device.model].filter(Boolean).join(" ") || "unknown"}${already(installer.paired(f))}` },
    { title: "Profile", cell: (f) => f.profiles[0] ?? "none fits" },
    { title: "Target", cell: (f) => f.target },
    { title: "Unit", number: true, cell: (f) => f.unit },
  ];
  return <Table id="found" columns={columns} rows={all} keyOf={(f) => `${f.target} ${f.unit}`} />;
}

// mounted says what of a meter is read turned round: its power, its counters, or both.
function mounted(d: Device): string {
  const counters = d.inverted_counters ?? d.inverted ?? false;
  if (d.inverted) return counters ? "turned round" : "power turned round";
  if (counters) return "counters turned round";
  return d.sign_unchecked ? "not checked" : "right";
}

function already(d: Device | undefined): string {
  return d ? ` (paired as ${d.id})` : "";
}

function Unfinished({ installer }: Props) {
  const columns: Column<Session>[] = [
    {
      cell: (s) => (
        <>
          <button onClick={() => installer.goOn(s)}>Go on</button> <button onClick={() => void installer.giveUp(s)}>Give up</button>
        </>
      ),
    },
    { title: "Device", cell: (s) => s.device?.id ?? s.kind },
    { title: "As far as", cell: (s) => s.step },
    { title: "Serial number", cell: (s) => s.identity.serial ?? "–" },
    { title: "Target", cell: (s) => s.target },
    { title: "Unit", number: true, cell: (s) => s.unit },
  ];
  return (
    <section>
      <h2>Not finished</h2>
      <Table id="unfinished" columns={columns} rows={installer.sessions.value} keyOf={(s) => s.id} />
    </section>
  );
}

const devices: Column<Device>[] = [
  {
    title: "Device",
    cell: (d) => (
      <>
        {d.id}
        {d.warning && <p role="alert">{d.warning}</p>}
      </>
    ),
  },
  { title: "Kind", cell: (d) => d.kind },
  { title: "Metering point", cell: (d) => d.metering_point },
  { title: "Serial number", cell: (d) => d.serial ?? "–" },
  { title: "Target", cell: (d) => d.target },
  { title: "Unit", number: true, cell: (d) => d.unit },
  { title: "Mounted", cell: mounted },
];

function Devices({ all }: { all: Device[] }) {
  return (
    <section>
      <h2>Devices of the community</h2>
      <Table id="devices" columns={devices} rows={all} keyOf={(d) => d.id} />
    </section>
  );
}
