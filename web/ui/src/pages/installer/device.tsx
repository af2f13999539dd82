// One device: what it is and says, and what can be done with it.
import { useState } from "preact/hooks";
import type { Format } from "../../ui/format";
import { told } from "../../ui/api";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import type { Device, Installer, Trial } from "./store";
import type { Words } from "./words/en";

interface Props {
  installer: Installer;
  device: Device;
}

const signs = { online: "✓", silent: "✕", unheard: "…", removed: "–" };

/** State says by sign and word whether a device answers. */
export function State({ device: d }: { device: Device }) {
  const { words } = useSpeech<Words>();
  return (
    <span class={`state ${d.state}`}>
      <span aria-hidden="true">{signs[d.state]}</span> {words.states[d.state]}
    </span>
  );
}

/** Last is what a device said last, how old that is, and how far it can be trusted. */
export function Last({ device: d }: { device: Device }) {
  const { words, format } = useSpeech<Words>();
  if (!d.last) return null;
  return (
    <>
      {flows(d, words, format)} · {words.devices.ago(format.seconds(d.last.age_s))} · {words.qualities[d.last.quality]}
      {d.gateway && ` · ${words.devices.by(d.gateway)}`}
    </>
  );
}

/** flows says which way it flows, and how full a battery is. */
function flows(d: Device, { devices: w }: Words, format: Format): string {
  const { power, charge } = d.last ?? {};
  const flow = power === undefined ? "–" : power === 0 ? w.nothing : power > 0 ? w.takes(format.watts(power)) : w.gives(format.watts(power));
  return charge === undefined ? flow : `${flow}, ${w.full(format.full(charge))}`;
}

/** counters are what a meter counted. */
export function counters(r: { import?: number; export?: number } | undefined, { facts: w }: Words, format: Format): string {
  const kwh = (wh: number) => `${format.number(wh / 1000, 3)} kWh`;
  const all = [r?.import !== undefined && w.imports(kwh(r.import)), r?.export !== undefined && w.exports(kwh(r.export))].filter(Boolean);
  return all.length ? all.join(", ") : w.never;
}

/** mounted says what of a meter is read turned round: its power, its counters, or both. */
export function mounted(d: Device, { mounted: w }: Words): string {
  const b = d.binding;
  const turned = b?.inverted_counters ?? b?.inverted ?? false;
  if (b?.inverted) return turned ? w.both : w.power;
  if (turned) return w.counters;
  return b?.sign_unchecked ? w.unchecked : w.right;
}

export function DevicePage({ installer, device: d }: Props) {
  const { words, language } = useSpeech<Words>();
  return (
    <>
      <h1>{d.name ?? d.id}</h1>
      {d.warning && <p class="warning">{told(d.said, d.warning, language)}</p>}
      <Facts device={d} />
      <Rename installer={installer} device={d} key={d.id} />
      {d.movable && !d.gateway && <Test installer={installer} device={d} />}
      {d.configured ? (
        <section>
          <h2>{words.made.title}</h2>
          <p>{d.removable || d.gateway ? words.made.configured : words.made.simulated}</p>
        </section>
      ) : (
        <Made installer={installer} device={d} key={`made ${d.id}`} />
      )}
      {d.removable && <Replace installer={installer} device={d} />}
      {d.removable && <Remove installer={installer} device={d} key={`remove ${d.id}`} />}
      <p>
        <button onClick={() => installer.choose("")}>{words.devices.back}</button>
      </p>
    </>
  );
}

function Facts({ device: d }: { device: Device }) {
  const { words, format } = useSpeech<Words>();
  const f = words.facts;
  const facts: [string, preact.ComponentChildren][] = [
    [f.state, <State device={d} />],
    [f.last, d.last ? <Last device={d} /> : f.never],
    [f.counted, counters(d.last, words, format)],
    [f.id, d.id],
    [f.kind, words.kinds[d.kind] ?? d.kind],
    [f.member, d.member],
    [f.point, d.metering_point],
    [f.serial, d.serial ?? f.unknown],
    [f.target, d.target ? `${d.target}, ${f.unit} ${d.unit}` : "–"],
    [f.profile, d.profile ?? "–"],
    [f.read, d.gateway ? words.devices.by(d.gateway) : words.devices.here],
    [f.mounted, mounted(d, words)],
    [f.since, d.configured ? f.configured : d.binding?.since ? `${format.day(d.binding.since)}, ${format.clock(d.binding.since)}` : "–"],
  ];
  return (
    <section>
      <dl>
        {facts.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}

function Rename({ installer, device: d }: Props) {
  const { rename: w } = useSpeech<Words>().words;
  return (
    <section>
      <h2>{w.title}</h2>
      <form
        class="fields"
        onSubmit={(e) => {
          e.preventDefault();
          void installer.rename(d.id, String(new FormData(e.currentTarget).get("name")).trim());
        }}
      >
        <label>
          {w.label} <input name="name" maxLength={80} defaultValue={d.name ?? ""} placeholder={d.id} />
        </label>
        <button disabled={installer.busy.value !== ""}>{w.save}</button>
      </form>
    </section>
  );
}

/** made is what a device and its connection are made for: name in the API, and of which kinds alone. */
export const made = [
  ["rated", []],
  ["capacity", ["battery", "charger"]],
  ["import_limit", ["meter"]],
  ["export_limit", ["meter"]],
] as const;

/** madeOf are those of a kind of device. */
export function madeOf(kind: string): (typeof made)[number][0][] {
  return made.filter(([, kinds]) => kinds.length === 0 || (kinds as readonly string[]).includes(kind)).map(([name]) => name);
}

/** planning is what a plan needs to know of a kind of device, by the names of the configuration. */
export const planning = {
  battery: ["efficiency", "wear"],
  charger: ["phases", "arrives"],
  "heat-pump": ["temperatures", "tank", "heat_capacity", "heat_loss", "cop", "least"],
  "heating-rod": ["tank", "temperatures", "heat_loss"],
  appliance: ["runs", "energy", "daily", "ready_by"],
} as const;

type Planned = (typeof planning)[keyof typeof planning][number];

/** plannedOf are the fields of a kind of device, none of one that no plan moves. */
export function plannedOf(kind: string): readonly Planned[] {
  return kind in planning ? planning[kind as keyof typeof planning] : [];
}

/** said is what the form says of them; with every one, so that an empty field takes back what was said. */
export function said(form: FormData, kind: string): Record<string, string> {
  return Object.fromEntries(plannedOf(kind).map((name) => [name, String(form.get(name) ?? "").trim()]));
}

/** Planning asks for what a plan needs to know, as the configuration writes it. */
export function Planning({ kind, known }: { kind: string; known?: Record<string, string> }) {
  const { planning: w } = useSpeech<Words>().words;
  const fields = plannedOf(kind);
  if (fields.length === 0) return null;
  return (
    <>
      <h3>{w.title}</h3>
      <div class="fields">
        {fields.map((name) => (
          <label key={name}>
            {w[name].label} <input name={name} maxLength={40} placeholder={w[name].example} defaultValue={known?.[name] ?? ""} autocapitalize="none" autocomplete="off" spellcheck={false} />
          </label>
        ))}
      </div>
    </>
  );
}

/** ratings are in W and Wh; those that were left empty are not known. */
export function ratings(form: FormData): Partial<Record<(typeof made)[number][0], number>> {
  const given = made.map(([name]) => [name, form.get(name)] as const).filter(([, v]) => v !== null && v !== "");
  return Object.fromEntries(given.map(([name, v]) => [name, Math.round(Number(v) * 1000)]));
}

function Made({ installer, device: d }: Props) {
  const { made: w } = useSpeech<Words>().words;
  return (
    <section>
      <h2>{w.title}</h2>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          const form = new FormData(e.currentTarget);
          const planned = plannedOf(d.kind).length > 0 && { planning: said(form, d.kind) };
          void installer.change(d.id, { ...ratings(form), ...planned, ...(d.kind !== "meter" && { control: form.has("control") }) });
        }}
      >
        <div class="fields">
          {madeOf(d.kind).map((name) => (
            <label key={name}>
              {w[name]} <input name={name} type="number" inputmode="decimal" min={0} step="any" defaultValue={kilo(d.binding?.[name])} />
            </label>
          ))}
          {d.kind !== "meter" && (
            <label class="check">
              <input name="control" type="checkbox" defaultChecked={d.binding?.control ?? false} /> {d.kind === "inverter" ? w.limited : w.moved}
            </label>
          )}
        </div>
        <Planning kind={d.kind} known={d.binding?.planning} />
        <button disabled={installer.busy.value !== ""}>{w.save}</button>
      </form>
    </section>
  );
}

function kilo(n: number | undefined): string {
  return n === undefined ? "" : String(n / 1000);
}

function Test({ installer, device: d }: Props) {
  const { trial: w } = useSpeech<Words>().words;
  const usual = d.kind === "battery" ? 500 : d.kind === "inverter" ? 1000 : 1400;
  const came = installer.trial.value;
  return (
    <section>
      <h2>{w.title}</h2>
      <p class="hint">{w.hint}</p>
      <form
        class="fields"
        onSubmit={(e) => {
          e.preventDefault();
          const form = new FormData(e.currentTarget);
          void installer.attempt(d.id, Number(form.get("power")) * Number(form.get("way")), Number(form.get("seconds")));
        }}
      >
        <label>
          {w.direction}{" "}
          <select name="way">
            {d.kind !== "inverter" && <option value="1">{w.charge}</option>}
            {d.kind === "battery" && <option value="-1">{w.discharge}</option>}
            {d.kind === "inverter" && <option value="-1">{w.limit}</option>}
          </select>
        </label>
        <label>
          {w.power} <input name="power" type="number" inputmode="numeric" min={0} max={100_000} defaultValue={String(usual)} required />
        </label>
        <label>
          {w.seconds} <input name="seconds" type="number" inputmode="numeric" min={5} max={60} defaultValue="10" required />
        </label>
        <button class="main" disabled={installer.busy.value !== ""}>
          {w.start}
        </button>
      </form>
      {came && <Came trial={came} />}
    </section>
  );
}

/** Came is what a device did while it was tried. */
function Came({ trial }: { trial: Trial }) {
  const { words, format } = useSpeech<Words>();
  const { trial: w, devices: d } = words;
  const flow = (p: number) => (p === 0 ? d.nothing : p > 0 ? d.takes(format.watts(p)) : d.gives(format.watts(p)));
  const first = Date.parse(trial.readings[0]?.time ?? "");
  const columns: Column<Trial["readings"][number]>[] = [
    { title: w.second, number: true, cell: (r) => format.number((Date.parse(r.time) - first) / 1000, 0) },
    { title: w.reading, number: true, cell: (r) => flow(r.power) },
  ];
  return (
    <div id="trial" role="status">
      <p class={trial.followed ? "" : "refusal"}>
        <strong>
          {trial.followed ? "✓" : "✕"} {trial.followed ? w.followed : w.not}
        </strong>{" "}
        {trial.released ? w.released : w.kept}
      </p>
      <dl>
        <dt>{w.before}</dt>
        <dd>{flow(trial.before)}</dd>
        <dt>{w.told}</dt>
        <dd>{trial.held === undefined ? w.notTold : flow(trial.held)}</dd>
      </dl>
      <Table caption={w.did} columns={columns} rows={trial.readings} keyOf={(r) => r.time} />
    </div>
  );
}

function Replace({ installer, device: d }: Props) {
  const { replace: w } = useSpeech<Words>().words;
  return (
    <section>
      <h2>{w.title}</h2>
      <p>{w.hint}</p>
      <button onClick={() => installer.replace(d.id)}>{w.start}</button>
    </section>
  );
}

function Remove({ installer, device: d }: Props) {
  const { remove: w } = useSpeech<Words>().words;
  const [asked, ask] = useState(false);
  const [reason, say] = useState("");
  return (
    <section>
      <h2>{w.title}</h2>
      <p>{w.hint}</p>
      {d.configured && <p>{w.file}</p>}
      {asked && (
        <div class="fields">
          <label>
            {w.reason} <input name="reason" maxLength={200} value={reason} onInput={(e) => say(e.currentTarget.value)} />
          </label>
        </div>
      )}
      {d.kind === "meter" && <p class="warning">{w.billing}</p>}
      <div class="actions">
        {asked ? (
          <>
            <button class="danger" disabled={installer.busy.value !== ""} onClick={() => void installer.remove(d, reason.trim())}>
              {w.sure(d.name ?? d.id)}
            </button>
            <button onClick={() => ask(false)}>{w.no}</button>
          </>
        ) : (
          <button onClick={() => ask(true)}>{w.start}</button>
        )}
      </div>
    </section>
  );
}
