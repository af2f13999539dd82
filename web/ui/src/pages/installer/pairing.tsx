// One pairing: what the device is, its live values, the sign check, the binding to a
// metering point, and the watch. The steps are the desk's; this shows them.
import { useEffect, useState } from "preact/hooks";
import { watts } from "../../ui/english";
import { type Column, Table } from "../../ui/table";
import { type Installer, type Kind, type LiveValues, type Load, type Session, watchFor } from "./store";

interface Props {
  installer: Installer;
  session: Session;
}

export function Pairing(p: Props) {
  const s = p.session;
  const at = ["identified", "measured", "sign-checked", "bound"].indexOf(s.step);
  const heading = [s.identity.vendor, s.identity.model].filter(Boolean).join(" ") || `The ${s.kind}`;
  return (
    <>
      <h1>
        {heading} at {s.target}, unit {s.unit}
      </h1>
      <ol class="steps">
        {["Live values", "Sign check", "Metering point", "Watch"].map((name, i) => (
          <li key={name} aria-current={i === Math.min(at, 3) ? "step" : undefined}>
            {name}
          </li>
        ))}
      </ol>
      <What {...p} />
      {at < 2 && <Values {...p} />}
      {s.step === "sign-checked" && <Bind {...p} />}
      {s.step === "bound" && <Watch {...p} />}
      <p>
        <button disabled={busy(p)} onClick={() => void p.installer.leave()}>
          Back to the list
        </button>{" "}
        The pairing stays as it is, and can go on later.
      </p>
    </>
  );
}

function busy(p: Props): boolean {
  return p.installer.busy.value !== "";
}

function What(p: Props) {
  const s = p.session;
  const kinds = p.installer.profiles.value.find((x) => x.id === s.profile)?.kinds ?? [s.kind];
  return (
    <section>
      <dl>
        <dt>Serial number</dt>
        <dd>{s.identity.serial ?? "not shown"}</dd>
        <dt>Firmware</dt>
        <dd>{s.identity.firmware ?? "not shown"}</dd>
        <dt>
          <label for="kind">Kind</label>
        </dt>
        <dd>
          <select id="kind" value={s.kind} disabled={busy(p) || kinds.length === 1} onChange={(e) => void p.installer.readAs(s, s.profile, e.currentTarget.value as Kind)}>
            {kinds.map((k) => (
              <option key={k}>{k}</option>
            ))}
          </select>
        </dd>
        <dt>
          <label for="profile">Read as</label>
        </dt>
        <dd>
          <select id="profile" value={s.profile} disabled={busy(p)} onChange={(e) => void p.installer.readAs(s, e.currentTarget.value)}>
            {p.installer.profiles.value.map((x) => (
              <option value={x.id} key={x.id}>
                {x.id}
                {s.finding.profiles.includes(x.id) ? " (fits)" : ""}
              </option>
            ))}
          </select>
        </dd>
      </dl>
    </section>
  );
}

function Values(p: Props) {
  const s = p.session;
  const [live, setLive] = useState<LiveValues | null>(null);
  const read = () => p.installer.measure(s, setLive);
  useEffect(() => void read(), [s.id]);
  return (
    <section>
      <h2>Live values</h2>
      {live && <Parts {...p} live={live} />}
      {live && <Points live={live} />}
      <button disabled={busy(p)} onClick={() => void read()}>
        Read again
      </button>
      {live && <Sign {...p} />}
    </section>
  );
}

type Point = LiveValues["points"][number];

const points: Column<Point>[] = [
  { title: "Point", cell: (x) => x.name },
  { title: "Read as", cell: (x) => `${x.kind ?? ""} ${x.role}` },
  { title: "Value", number: true, cell: value },
  { title: "Quality", cell: (x) => x.quality },
];

function value(x: Point): string {
  return x.value === null ? "–" : `${typeof x.value === "number" ? Number(x.value.toPrecision(10)) : x.value} ${x.unit}`;
}

function Points({ live }: { live: LiveValues }) {
  return (
    <>
      {live.warnings.map((w) => (
        <p class="warning" key={w}>
          {w}
        </p>
      ))}
      <Table id="values" columns={points} rows={live.points.filter((x) => x.role)} keyOf={(x) => x.name} />
    </>
  );
}

/** Parts are the several meters of a unit, of which another one can be chosen. */
function Parts(p: Props & { live: LiveValues }) {
  const s = p.session;
  if (!p.live.parts) return null;
  return (
    <p>
      <label>
        This unit shows several of the kind; read is{" "}
        <select value={p.live.part} disabled={busy(p)} onChange={(e) => void p.installer.readAs(s, s.profile, s.kind as Kind, Number(e.currentTarget.value))}>
          {p.live.parts.map((x) => (
            <option value={x.number} key={x.number}>
              {[`${x.number}:`, x.vendor, x.model_name, x.option, x.serial].filter(Boolean).join(" ")}
            </option>
          ))}
        </select>
      </label>
    </p>
  );
}

function Sign(p: Props) {
  const s = p.session;
  const check = (load: Load) => p.installer.sign(s, load);
  return (
    <div class="sign">
      <h2>Sign check: what do you know to happen at the device right now, importing or exporting?</h2>
      <p>
        {s.kind === "meter"
          ? "Switch on a kettle in the home: it takes. Panels at noon with nothing switched on: it feeds in."
          : "Compare with the device's own display, or with what you have just switched on."}
      </p>
      <button disabled={busy(p)} onClick={() => void check("importing")}>
        {s.kind === "meter" ? "Importing: it takes from the grid" : "Importing: it takes, or charges"}
      </button>{" "}
      <button disabled={busy(p)} onClick={() => void check("exporting")}>
        {s.kind === "meter" ? "Exporting: it feeds into the grid" : "Exporting: it produces, or discharges"}
      </button>{" "}
      {s.kind !== "meter" && (
        <button disabled={busy(p)} onClick={() => void check("later")}>
          Later: nothing flows now
        </button>
      )}
    </div>
  );
}

function Bind(p: Props) {
  const s = p.session;
  const [member, setMember] = useState(s.device?.member ?? "");
  const [point, setPoint] = useState(s.device?.metering_point); // undefined: as the member has it
  const [id, setId] = useState(s.device?.id);
  const points = p.installer.connectionMeters();
  const [known] = points.map((x) => x.split(" ")).filter(([m]) => m === member);
  const to = { member, metering_point: point ?? known?.[1] ?? (member && `mp-${member}`), id: id ?? (member && `${member}/${s.kind}`) };
  return (
    <section>
      <h2>Metering point</h2>
      <p>{signed(s)}</p>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void p.installer.bind(s, { ...to, ...ratings(new FormData(e.currentTarget)) });
        }}
      >
        <label>
          Member <input required value={member} list="members" onInput={(e) => setMember(e.currentTarget.value.trim())} />
        </label>{" "}
        <datalist id="members">
          {points.map((x) => (
            <option value={x.split(" ")[0]} key={x} />
          ))}
        </datalist>
        <label>
          Metering point <input required value={to.metering_point} onInput={(e) => setPoint(e.currentTarget.value.trim())} />
        </label>{" "}
        <label>
          Device <input required value={to.id} onInput={(e) => setId(e.currentTarget.value.trim())} />
        </label>{" "}
        {made
          .filter(([, , kind]) => !kind || kind === s.kind)
          .map(([name, title]) => (
            <label key={name}>
              {title} <input name={name} type="number" min={0} step="any" />{" "}
            </label>
          ))}
        {s.kind !== "meter" && (
          <label>
            <input name="control" type="checkbox" /> {s.kind === "inverter" ? "It may be limited" : "It may be moved"}
          </label>
        )}{" "}
        <button disabled={busy(p)}>Bind</button>
      </form>
      <details>
        <summary>The answer to the sign check was wrong</summary>
        <Sign {...p} />
      </details>
    </section>
  );
}

/** made is what a device and its connection are made for: name in the API, title, and of which kind alone. */
const made = [
  ["rated", "Rated power, kW (what it says beyond is not believed)", ""],
  ["capacity", "Capacity, kWh", "battery"],
  ["import_limit", "The connection takes at most, kW", "meter"],
  ["export_limit", "The connection gives at most, kW", "meter"],
] as const;

/** ratings are in W and Wh; those that were left empty are not known. */
function ratings(form: FormData): Partial<Record<(typeof made)[number][0], number>> & { control?: boolean } {
  const given = made.map(([name]) => [name, form.get(name)] as const).filter(([, v]) => v !== null && v !== "");
  return { ...Object.fromEntries(given.map(([name, v]) => [name, Math.round(Number(v) * 1000)])), ...(form.has("control") && { control: true }) };
}

function signed(s: Session): string {
  if (s.sign_unchecked) return "The sign was not checked: pair the device anew when power flows.";
  const power = s.power ?? 0;
  const shows = `The device shows ${watts(Math.abs(power))} ${power < 0 ? "exporting" : "importing"}`;
  return s.inverted ? `${shows}, not what you said: the meter is taken to be mounted the wrong way round, and is read turned round, its counters as the watch will tell.` : `${shows}, as you said.`;
}

function Watch(p: Props) {
  const s = p.session;
  const [began, setBegan] = useState(0);
  const [now, setNow] = useState(0);
  useEffect(() => {
    if (began === 0) return;
    const tick = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(tick);
  }, [began]);
  const watch = async () => {
    setBegan(Date.now());
    setNow(Date.now());
    await p.installer.watch(s);
    setBegan(0);
  };
  return (
    <section>
      <h2>Watch</h2>
      <p>
        {s.device?.id} at metering point {s.device?.metering_point} is read for two minutes, to see that it does not drop out. It is taken when it
        answers at least nine times in ten.
      </p>
      {began === 0 ? (
        <button disabled={busy(p)} onClick={() => void watch()}>
          Watch it
        </button>
      ) : (
        <progress max={watchFor} value={(now - began) / 1000} aria-label="Watching" />
      )}
    </section>
  );
}
