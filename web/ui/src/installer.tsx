// The installer's page: find a device, pair it step by step, see what is paired. A
// pairing that was interrupted, here or on the command line, goes on from its list.
import { render } from "preact";
import { signal } from "@preact/signals";
import { desk, keep, key, type Device, type Finding, type Gateway, type Profile, type Session } from "./desk";
import { clock, day } from "./format";
import { Pairing } from "./pairing";
import "./style.css";

const devices = signal<Device[]>([]);
const sessions = signal<Session[]>([]);
const profiles = signal<Profile[]>([]);
const gateways = signal<Gateway[]>([]);
const found = signal<Finding[] | null>(null);
const open = signal<Session | null>(null);
const busy = signal(""); // what is being waited for
const problem = signal("");
const done = signal("");

/** doing waits for the device or the community, and tells what went wrong. */
async function doing(what: string, work: () => Promise<void>): Promise<void> {
  busy.value = what;
  problem.value = "";
  try {
    await work();
  } catch (e) {
    problem.value = e instanceof Error ? e.message : String(e);
  }
  busy.value = "";
}

async function refresh(): Promise<void> {
  [devices.value, sessions.value, profiles.value, gateways.value] = await Promise.all([desk.devices(), desk.sessions(), desk.profiles(), desk.gateways()]);
}

function begin(target: string, unit: number, profile?: string): Promise<void> {
  return doing(`Asking ${target} what it is…`, async () => {
    done.value = "";
    open.value = await desk.begin({ target, unit, ...(profile ? { profile } : {}) });
  });
}

function leave(text = ""): Promise<void> {
  open.value = null;
  done.value = text;
  return doing("Reading the list of devices…", refresh);
}

function App() {
  return (
    <>
      <header>
        <strong>Commonwatt</strong> <span>Devices</span>
        <a class="when" href="/">
          Homes
        </a>
      </header>
      {problem.value && <p role="alert">{problem.value}</p>}
      <p class="busy" role="status">
        {busy.value || done.value}
      </p>
      <main>{key.value === "" ? <Key /> : open.value ? <Open session={open.value} /> : <Desk />}</main>
    </>
  );
}

function Key() {
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        keep(String(new FormData(e.currentTarget).get("key")).trim());
        void doing("Reading the list of devices…", refresh);
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

function Open({ session }: { session: Session }) {
  return (
    <Pairing
      session={session}
      profiles={profiles.value}
      points={[...new Set(devices.value.filter((d) => d.kind === "meter").map((d) => `${d.member} ${d.metering_point}`))]}
      doing={doing}
      busy={busy.value !== ""}
      update={(s) => (open.value = s)}
      leave={leave}
    />
  );
}

function Desk() {
  return (
    <>
      <h1>{summary(devices.value.length, sessions.value.length)}</h1>
      <Find />
      {sessions.value.length > 0 && <Unfinished />}
      {gateways.value.length > 0 && <Gateways />}
      <Devices />
    </>
  );
}

function Gateways() {
  return (
    <section>
      <h2>Gateways on other machines</h2>
      <table id="gateways">
        <tbody>
          {gateways.value.map((g) => (
            <tr key={g.id}>
              <td>{g.id}</td>
              <td>{g.online ? "sends" : "silent"}</td>
              <td>{g.last_reading ? `last reading of ${day(g.last_reading)}, ${clock(g.last_reading)}` : "nothing came since the start"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function summary(paired: number, unfinished: number): string {
  const bound = paired === 0 ? "No device yet: pair the connection meter of a home first" : paired === 1 ? "One device" : `${paired} devices`;
  return unfinished === 0 ? bound : `${bound}, ${unfinished} ${unfinished === 1 ? "pairing" : "pairings"} not finished`;
}

function Find() {
  const search = (places: string) =>
    doing("Looking for devices, gently: a whole network takes a minute or two…", async () => {
      found.value = null;
      found.value = await desk.discover(places);
    });
  return (
    <section>
      <h2>Find a device</h2>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          const form = new FormData(e.currentTarget);
          const where = String(form.get("where")).trim();
          const unit = Number(form.get("unit"));
          found.value = null;
          if (unit === 0 && /^rtu:/.test(where)) problem.value = "A serial line is not searched: give the unit of the device.";
          else if (unit !== 0) void begin(where, unit);
          else void search(where);
        }}
      >
        <label>
          Where <input name="where" required placeholder="192.168.1.0/24, or 192.168.1.7:502" size={32} />
        </label>{" "}
        <label>
          Unit (0: look for it) <input name="unit" type="number" min={0} max={255} value={0} />
        </label>{" "}
        <button disabled={busy.value !== ""}>Look</button>
        <p>
          A host, a network, or a target as <code>rtuovertcp://192.168.1.7:4196</code> or <code>rtu:///dev/ttyUSB0?baud=9600</code>, which wants its
          unit. Nothing is ever written to a device here.
        </p>
      </form>
      {found.value && (found.value.length === 0 ? <p>Nothing answered there: is Modbus switched on in the device?</p> : <Found all={found.value} />)}
    </section>
  );
}

function Found({ all }: { all: Finding[] }) {
  return (
    <table id="found">
      <thead>
        <tr>
          <th></th>
          <th>Device</th>
          <th>Profile</th>
          <th>Target</th>
          <th class="number">Unit</th>
        </tr>
      </thead>
      <tbody>
        {all.map((f) => (
          <tr key={`${f.target} ${f.unit}`}>
            <td>
              <button disabled={busy.value !== ""} onClick={() => void begin(f.target, f.unit)}>
                Pair
              </button>
            </td>
            <td>
              {[f.device.vendor, f.device.model].filter(Boolean).join(" ") || "unknown"}
              {bound(f) && ` (paired as ${bound(f)?.id})`}
            </td>
            <td>{f.profiles[0] ?? "none fits"}</td>
            <td>{f.target}</td>
            <td class="number">{f.unit}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** bound returns the device that a found one is already, if it is one. */
function bound(f: Finding): Device | undefined {
  return devices.value.find((d) => (d.target === f.target && d.unit === f.unit) || (f.device.serial !== undefined && d.serial === f.device.serial));
}

function Unfinished() {
  return (
    <section>
      <h2>Not finished</h2>
      <table id="unfinished">
        <thead>
          <tr>
            <th></th>
            <th>Device</th>
            <th>As far as</th>
            <th>Serial number</th>
            <th>Target</th>
            <th class="number">Unit</th>
          </tr>
        </thead>
        <tbody>
          {sessions.value.map((s) => (
            <tr key={s.id}>
              <td>
                <button onClick={() => (open.value = s)}>Go on</button>{" "}
                <button
                  onClick={() =>
                    void doing("", async () => {
                      await desk.end(s);
                      await refresh();
                    })
                  }
                >
                  Give up
                </button>
              </td>
              <td>{s.device?.id ?? s.kind}</td>
              <td>{s.step}</td>
              <td>{s.identity.serial ?? "–"}</td>
              <td>{s.target}</td>
              <td class="number">{s.unit}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Devices() {
  if (devices.value.length === 0) return null;
  return (
    <section>
      <h2>Devices of the community</h2>
      <table id="devices">
        <thead>
          <tr>
            <th>Device</th>
            <th>Kind</th>
            <th>Metering point</th>
            <th>Serial number</th>
            <th>Target</th>
            <th class="number">Unit</th>
            <th>Mounted</th>
          </tr>
        </thead>
        <tbody>
          {devices.value.map((d) => (
            <tr key={d.id}>
              <td>
                {d.id}
                {d.warning && <p role="alert">{d.warning}</p>}
              </td>
              <td>{d.kind}</td>
              <td>{d.metering_point}</td>
              <td>{d.serial ?? "–"}</td>
              <td>{d.target}</td>
              <td class="number">{d.unit}</td>
              <td>{d.inverted ? "turned round" : d.sign_unchecked ? "not checked" : "right"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

if (key.value !== "") void doing("Reading the list of devices…", refresh);
render(<App />, document.getElementById("app")!);
