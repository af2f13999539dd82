// The installer's page: find a device, pair it step by step, see what each says, and change what there is. What was begun, here, before
// a reload or on the command line, goes on from the list.
import { useState } from "preact/hooks";
import { Alert } from "../../ui/alert";
import { Shell } from "../../ui/shell";
import { told } from "../../ui/api";
import { useSpeech } from "../../ui/speech";
import type { Site } from "../../ui/start";
import { type Column, Table } from "../../ui/table";
import { DevicePage, Last, State } from "./device";
import { Pairing } from "./pairing";
import { Protocol } from "./protocol";
import type { Device, Finding, Gateway, How, Installer, Session } from "./store";
import type { Words } from "./words/en";

interface Props {
  installer: Installer;
}

export function App({ site, installer }: Props & { site: Site }) {
  const [printing, print] = useState(false);
  const { words } = useSpeech<Words>();
  return (
    <Shell site={site} page="devices">
      <div class="installer">
        {installer.problem.value && <Alert kind="error">{installer.problem.value}</Alert>}
        {installer.away.value && !installer.problem.value && <Alert>{words.away}</Alert>}
        <p class="busy" role="status">
          {installer.busy.value || installer.done.value}
        </p>
        <main>
          {!installer.may ? <Enter installer={installer} /> : printing ? <Protocol installer={installer} site={site} back={() => print(false)} /> : <Work installer={installer} print={() => print(true)} />}
        </main>
      </div>
    </Shell>
  );
}

/** Work is the pairing that is gone on with, the device that is looked at, or the lists. */
function Work({ installer, print }: Props & { print: () => void }) {
  const open = installer.open.value;
  const device = installer.devices.value.find((d) => d.id === installer.chosen.value);
  if (open) return <Pairing installer={installer} session={open} />;
  return device ? <DevicePage installer={installer} device={device} /> : <Lists installer={installer} print={print} />;
}

function Enter({ installer }: Props) {
  const { enter } = useSpeech<Words>().words;
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        void installer.enter(String(new FormData(e.currentTarget).get("key")).trim());
      }}
    >
      <h1>{enter.title}</h1>
      <section class="fields">
        <label>
          {enter.key} <input name="key" type="password" required autocomplete="off" />
        </label>
        <button class="main">{enter.go}</button>
        <p class="hint">{enter.hint}</p>
      </section>
    </form>
  );
}

function Lists({ installer, print }: Props & { print: () => void }) {
  const { words } = useSpeech<Words>();
  const there = installer.devices.value.filter((d) => d.state !== "removed");
  const replaced = installer.replacing.value;
  return (
    <>
      <h1>{installer.listed.value ? words.summary(there.length, installer.sessions.value.length) : words.busy.reading}</h1>
      {replaced && (
        <p class="warning" role="status">
          {words.replace.now(replaced)} <button onClick={() => installer.replace("")}>{words.replace.cancel}</button>
        </p>
      )}
      <Find installer={installer} />
      {installer.sessions.value.length > 0 && <Unfinished installer={installer} />}
      {installer.gateways.value.length > 0 && <Gateways all={installer.gateways.value} />}
      {there.length > 0 && <Devices installer={installer} all={there} />}
      <LetGo installer={installer} />
      {installer.devices.value.length > 0 && (
        <p>
          <button onClick={print}>{words.devices.protocol}</button>
        </p>
      )}
    </>
  );
}

function Gateways({ all }: { all: Gateway[] }) {
  const { words, format } = useSpeech<Words>();
  const g = words.gateways;
  const trouble = (x: Gateway) => {
    const refused = x.refused ? g.refused(x.refused, x.refusal ?? "") : "";
    const seconds = Math.round(Math.abs(x.ahead_ms ?? 0) / 1000);
    return [refused, seconds ? ((x.ahead_ms ?? 0) > 0 ? g.ahead(seconds) : g.behind(seconds)) : ""].filter(Boolean).join("; ");
  };
  const columns: Column<Gateway>[] = [
    { cell: (x) => x.id },
    { cell: (x) => (x.online ? `✓ ${g.sends}` : `✕ ${g.silent}`) },
    { cell: (x) => (x.last_reading ? g.last(`${format.day(x.last_reading)}, ${format.clock(x.last_reading)}`) : g.nothing) },
    { cell: trouble },
  ];
  return (
    <section>
      <h2>{g.title}</h2>
      <Table id="gateways" columns={columns} rows={all} keyOf={(x) => x.id} narrow="cards" />
    </section>
  );
}

function Find({ installer }: Props) {
  const { find } = useSpeech<Words>().words;
  const found = installer.found.value;
  return (
    <section>
      <h2>{find.title}</h2>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          const form = new FormData(e.currentTarget);
          void installer.look(String(form.get("where")).trim(), number(form.get("unit")), said(form));
        }}
      >
        <div class="fields">
          <label>
            {find.where} <input name="where" required placeholder="192.168.1.0/24" autocapitalize="none" autocomplete="on" spellcheck={false} aria-describedby="where-hint" />
          </label>
          <label>
            {find.unit} <input name="unit" type="number" inputmode="numeric" min={0} max={255} />
          </label>
          <button class="main" disabled={installer.busy.value !== ""}>
            {find.look}
          </button>
        </div>
        <p class="hint" id="where-hint">
          {find.hint}
        </p>
        {installer.spare.value && (
          <p>
            {find.spare(installer.spare.value)}{" "}
            <button type="button" disabled={installer.busy.value !== ""} onClick={() => void installer.look(installer.spare.value, undefined)}>
              {find.lookThere}
            </button>
          </p>
        )}
        <details>
          <summary>{find.limits}</summary>
          <div class="fields">
            <label>
              {find.part} <input name="part" type="number" inputmode="numeric" min={1} />
            </label>
            {own.map(([name, most]) => (
              <label key={name}>
                {find.own[name]} <input name={name} type="number" inputmode="numeric" min={name === "max_regs" ? 1 : 0} max={most} />
              </label>
            ))}
            <label class="check">
              <input name="single_connection" type="checkbox" /> {find.single}
            </label>
          </div>
        </details>
      </form>
      {found && (found.length === 0 ? <p>{find.nothing}</p> : <Found installer={installer} all={found} />)}
    </section>
  );
}

/** own are the limits of one device: name in the API, and the most that can be given. */
const own = [
  ["max_regs", 125],
  ["max_hole", 125],
  ["gap_ms", 60_000],
  ["connect_delay_ms", 60_000],
  ["timeout_ms", 60_000],
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
  const { words } = useSpeech<Words>();
  const columns: Column<Finding>[] = [
    { title: words.columns.device, cell: (f) => `${[f.device.vendor, f.device.model].filter(Boolean).join(" ") || words.find.unknown}` },
    { title: words.columns.serial, cell: (f) => f.device.serial ?? "–" },
    { title: words.columns.profile, cell: (f) => f.profiles[0] ?? words.find.noProfile },
    { title: words.columns.target, cell: (f) => f.target },
    { title: words.columns.unit, number: true, cell: (f) => f.unit },
    {
      cell: (f) => {
        const d = installer.paired(f);
        const busy = installer.busy.value !== "";
        const pair = () => void installer.begin(f.target, f.unit);
        if (!d) {
          return (
            <button class="main" disabled={busy} onClick={pair}>
              {words.find.pair}
            </button>
          );
        }
        return (
          <span class="actions">
            <span>✓ {words.find.already(d.name ?? d.id)}</span> <button onClick={() => installer.choose(d.id)}>{words.devices.open}</button>{" "}
            {d.removable && (
              <button disabled={busy} onClick={pair}>
                {words.find.anew}
              </button>
            )}
          </span>
        );
      },
    },
  ];
  return <Table id="found" columns={columns} rows={all} keyOf={(f) => `${f.target} ${f.unit}`} narrow="cards" />;
}

function Unfinished({ installer }: Props) {
  const { words } = useSpeech<Words>();
  const { columns: c, unfinished: u } = words;
  const columns: Column<Session>[] = [
    { title: c.device, cell: (s) => s.device?.id ?? words.kinds[s.kind] ?? s.kind },
    { title: c.step, cell: (s) => words.steps[s.step] ?? s.step },
    { title: c.serial, cell: (s) => s.identity.serial ?? "–" },
    { title: c.target, cell: (s) => s.target },
    { title: c.unit, number: true, cell: (s) => s.unit },
    {
      cell: (s) => (
        <span class="actions">
          <button onClick={() => installer.goOn(s)}>{u.goOn}</button> <button onClick={() => void installer.giveUp(s)}>{u.giveUp}</button>
        </span>
      ),
    },
  ];
  return (
    <section>
      <h2>{u.title}</h2>
      <Table id="unfinished" columns={columns} rows={installer.sessions.value} keyOf={(s) => s.id} narrow="cards" />
    </section>
  );
}

/** LetGo are the devices of the configuration that were let go of, with why, and how that is taken back. */
function LetGo({ installer }: Props) {
  const { words, format } = useSpeech<Words>();
  const { restore: w, protocol } = words;
  const all = installer.devices.value.filter((d) => d.state === "removed" && d.configured);
  if (all.length === 0) return null;
  const how = (d: Device) => {
    const { until, gone } = d.binding ?? {};
    const at = until && `${format.day(until)}, ${format.clock(until)}`;
    return [at, gone?.by && protocol.by(gone.by), gone?.replaced_by && `${protocol.successor}: ${gone.replaced_by}`, gone?.reason].filter(Boolean).join(" · ");
  };
  return (
    <section>
      <h2>{w.title}</h2>
      <p class="hint">{w.hint}</p>
      <ul id="letgo" class="devices">
        {all.map((d) => (
          <li key={d.id}>
            <h3>{d.name ?? d.id}</h3>
            <p>
              {words.kinds[d.kind] ?? d.kind} · {d.metering_point}
            </p>
            <p>{how(d)}</p>
            <button disabled={installer.busy.value !== ""} aria-label={`${w.start}: ${d.name ?? d.id}`} onClick={() => void installer.restore(d)}>
              {w.start}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Devices({ installer, all }: Props & { all: Device[] }) {
  const { words, language } = useSpeech<Words>();
  const [member, choose] = useState("");
  const members = [...new Set(all.map((d) => d.member))];
  return (
    <section>
      <h2>{words.devices.title}</h2>
      {members.length > 1 && (
        <label>
          {words.devices.filter}{" "}
          <select value={member} onChange={(e) => choose(e.currentTarget.value)}>
            <option value="">{words.devices.all}</option>
            {members.map((m) => (
              <option key={m}>{m}</option>
            ))}
          </select>
        </label>
      )}
      <ul id="devices" class="devices">
        {all
          .filter((d) => member === "" || d.member === member)
          .map((d) => (
            <li key={d.id}>
              <h3>{d.name ?? d.id}</h3>
              <p>
                {words.kinds[d.kind] ?? d.kind} · {d.metering_point}
                {d.serial && ` · ${d.serial}`}
              </p>
              <p>
                <State device={d} /> {d.last && "· "}
                <Last device={d} />
              </p>
              {d.warning && <p class="warning">{told(d.said, d.warning, language)}</p>}
              <button aria-label={`${words.devices.open}: ${d.name ?? d.id}`} onClick={() => installer.choose(d.id)}>
                {words.devices.open}
              </button>
            </li>
          ))}
      </ul>
    </section>
  );
}
