// One pairing: what the device is, its live values, the sign check, the binding to a
// metering point, and the watch. The steps are the desk's; this shows them.
import { useEffect, useState } from "preact/hooks";
import { desk, type Kind, type Live, type Load, type Profile, type Session } from "./desk";
import { watts } from "./format";

type Props = {
  session: Session;
  profiles: Profile[];
  points: string[]; // "MEMBER METERING-POINT" of the connection meters
  busy: boolean;
  doing: (what: string, work: () => Promise<void>) => Promise<void>;
  update: (s: Session) => void;
  leave: (text?: string) => Promise<void>;
};

const watchFor = 120; // s

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
        <button disabled={p.busy} onClick={() => void p.leave()}>
          Back to the list
        </button>{" "}
        The pairing stays as it is, and can go on later.
      </p>
    </>
  );
}

function What(p: Props) {
  const s = p.session;
  const kinds = p.profiles.find((x) => x.id === s.profile)?.kinds ?? [s.kind];
  const choose = (profile: string, kind?: string) =>
    p.doing("Asking the device again…", async () => {
      const again = await desk.begin({ target: s.target, unit: s.unit, profile, ...(kind ? { kind: kind as Kind } : {}) });
      await desk.end(s);
      p.update(again);
    });
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
          <select id="kind" value={s.kind} disabled={p.busy || kinds.length === 1} onChange={(e) => void choose(s.profile, e.currentTarget.value)}>
            {kinds.map((k) => (
              <option key={k}>{k}</option>
            ))}
          </select>
        </dd>
        <dt>
          <label for="profile">Read as</label>
        </dt>
        <dd>
          <select id="profile" value={s.profile} disabled={p.busy} onChange={(e) => void choose(e.currentTarget.value)}>
            {p.profiles.map((x) => (
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
  const [live, setLive] = useState<Live | null>(null);
  const read = () =>
    p.doing("Reading the device…", async () => {
      const now = await desk.measure(s);
      setLive(now.live);
      p.update(now.session);
    });
  useEffect(() => void read(), [s.id]);
  return (
    <section>
      <h2>Live values</h2>
      {live && <Points live={live} />}
      <button disabled={p.busy} onClick={() => void read()}>
        Read again
      </button>
      {live && <Sign {...p} />}
    </section>
  );
}

function Points({ live }: { live: Live }) {
  const shown = live.points.filter((x) => x.role);
  return (
    <>
      {live.warnings.map((w) => (
        <p class="warning" key={w}>
          {w}
        </p>
      ))}
      <table id="values">
        <thead>
          <tr>
            <th>Point</th>
            <th>Read as</th>
            <th class="number">Value</th>
            <th>Quality</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((x) => (
            <tr key={x.name}>
              <td>{x.name}</td>
              <td>
                {x.kind} {x.role}
              </td>
              <td class="number">{x.value === null ? "–" : `${typeof x.value === "number" ? Number(x.value.toPrecision(10)) : x.value} ${x.unit}`}</td>
              <td>{x.quality}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Sign(p: Props) {
  const s = p.session;
  const check = (load: Load) => p.doing("Comparing with the device…", async () => p.update(await desk.sign(s, load)));
  return (
    <div class="sign">
      <h2>Sign check: what do you know to happen at the device right now, importing or exporting?</h2>
      <p>
        {s.kind === "meter"
          ? "Switch on a kettle in the home: it takes. Panels at noon with nothing switched on: it feeds in."
          : "Compare with the device's own display, or with what you have just switched on."}
      </p>
      <button disabled={p.busy} onClick={() => void check("importing")}>
        {s.kind === "meter" ? "Importing: it takes from the grid" : "Importing: it takes, or charges"}
      </button>{" "}
      <button disabled={p.busy} onClick={() => void check("exporting")}>
        {s.kind === "meter" ? "Exporting: it feeds into the grid" : "Exporting: it produces, or discharges"}
      </button>{" "}
      {s.kind !== "meter" && (
        <button disabled={p.busy} onClick={() => void check("later")}>
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
  const [known] = p.points.map((x) => x.split(" ")).filter(([m]) => m === member);
  const to = { member, metering_point: point ?? known?.[1] ?? (member && `mp-${member}`), id: id ?? (member && `${member}/${s.kind}`) };
  return (
    <section>
      <h2>Metering point</h2>
      <p>{signed(s)}</p>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void p.doing("Binding…", async () => p.update(await desk.bind(s, to)));
        }}
      >
        <label>
          Member <input required value={member} list="members" onInput={(e) => setMember(e.currentTarget.value.trim())} />
        </label>{" "}
        <datalist id="members">
          {p.points.map((x) => (
            <option value={x.split(" ")[0]} key={x} />
          ))}
        </datalist>
        <label>
          Metering point <input required value={to.metering_point} onInput={(e) => setPoint(e.currentTarget.value.trim())} />
        </label>{" "}
        <label>
          Device <input required value={to.id} onInput={(e) => setId(e.currentTarget.value.trim())} />
        </label>{" "}
        <button disabled={p.busy}>Bind</button>
      </form>
      <details>
        <summary>The answer to the sign check was wrong</summary>
        <Sign {...p} />
      </details>
    </section>
  );
}

function signed(s: Session): string {
  if (s.sign_unchecked) return "The sign was not checked: pair the device anew when power flows.";
  const power = s.power ?? 0;
  const shows = `The device shows ${watts(Math.abs(power))} ${power < 0 ? "exporting" : "importing"}`;
  return s.inverted ? `${shows}, not what you said: the meter is taken to be mounted the wrong way round, and is read turned round.` : `${shows}, as you said.`;
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
    await p.doing("Reading the device as the community will…", async () => {
      const passed = await desk.watch(s, watchFor);
      await p.leave(result(passed, await desk.devices().then((all) => all.some((d) => d.id === passed.device?.id))));
    });
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
        <button disabled={p.busy} onClick={() => void watch()}>
          Watch it
        </button>
      ) : (
        <progress max={watchFor} value={(now - began) / 1000} aria-label="Watching" />
      )}
    </section>
  );
}

function result(s: Session, kept: boolean): string {
  const w = s.watch;
  const said = `${s.device?.id}: ${w?.readings} readings in ${w?.seconds} s, longest gap ${w?.longest_gap_s} s.`;
  const missing = w && w.missing_counters.length > 0 ? ` It never showed its ${w.missing_counters.join(" and ")} counter.` : "";
  return `${said}${missing} ${kept ? "It is paired, and is read from now on." : "This community is simulated: the device was not added."}`;
}
