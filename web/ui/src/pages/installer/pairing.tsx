// One pairing: what the device is, its live values, the check of the direction, the binding to a metering point, and the watch. The
// steps are the bench's; this shows them.
import { useEffect, useState } from "preact/hooks";
import { told } from "../../ui/api";
import { useSpeech } from "../../ui/speech";
import { Steps } from "../../ui/steps";
import { type Column, Table } from "../../ui/table";
import { madeOf, Planning, ratings, said } from "./device";
import { choices, free, type Installer, type Kind, type LiveValues, type Load, type Session, watches } from "./store";
import type { Words } from "./words/en";

interface Props {
  installer: Installer;
  session: Session;
}

export function Pairing(p: Props) {
  const { words } = useSpeech<Words>();
  const w = words.pairing;
  const s = p.session;
  const at = ["identified", "measured", "sign-checked", "bound"].indexOf(s.step);
  const what = [s.identity.vendor, s.identity.model].filter(Boolean).join(" ") || w.the(words.kinds[s.kind] ?? s.kind);
  return (
    <>
      <h1>{w.title(what, s.target, s.unit)}</h1>
      <Steps names={w.names} current={Math.max(0, Math.min(at, 3))} />
      {p.installer.replacing.value && <p class="warning">{w.replaces(p.installer.replacing.value)}</p>}
      <What {...p} />
      {at < 2 && <Values {...p} />}
      {s.step === "sign-checked" && <Bind {...p} />}
      {s.step === "bound" && <Watch {...p} />}
      <p>
        <button disabled={busy(p)} onClick={() => void p.installer.leave()}>
          {w.back}
        </button>{" "}
        {w.stays}
      </p>
    </>
  );
}

function busy(p: Props): boolean {
  return p.installer.busy.value !== "";
}

function What(p: Props) {
  const { words } = useSpeech<Words>();
  const f = words.facts;
  const s = p.session;
  const kinds = p.installer.profiles.value.find((x) => x.id === s.profile)?.kinds ?? [s.kind];
  return (
    <section>
      <dl>
        <dt>{f.serial}</dt>
        <dd>{s.identity.serial ?? f.unknown}</dd>
        <dt>{f.firmware}</dt>
        <dd>{s.identity.firmware ?? f.unknown}</dd>
        <dt>
          <label for="kind">{f.kind}</label>
        </dt>
        <dd>
          <select id="kind" value={s.kind} disabled={busy(p) || kinds.length === 1} onChange={(e) => void p.installer.readAs(s, s.profile, e.currentTarget.value as Kind)}>
            {kinds.map((k) => (
              <option key={k} value={k}>
                {words.kinds[k] ?? k}
              </option>
            ))}
          </select>
        </dd>
        <dt>
          <label for="profile">{words.pairing.readAs}</label>
        </dt>
        <dd>
          <select id="profile" value={s.profile} disabled={busy(p)} onChange={(e) => void p.installer.readAs(s, e.currentTarget.value)}>
            {p.installer.profiles.value.map((x) => (
              <option value={x.id} key={x.id}>
                {x.id}
                {s.finding.profiles.includes(x.id) ? ` ${words.pairing.fits}` : ""}
              </option>
            ))}
          </select>
        </dd>
      </dl>
    </section>
  );
}

function Values(p: Props) {
  const { pairing: w } = useSpeech<Words>().words;
  const s = p.session;
  const [live, setLive] = useState<LiveValues | null>(null);
  const read = () => p.installer.measure(s, setLive);
  useEffect(() => void read(), [s.id]);
  return (
    <>
      {live && (
        <section>
          <Sign {...p} />
        </section>
      )}
      <section>
        <h2>{w.values}</h2>
        {live && <Parts {...p} live={live} />}
        {live && <Points live={live} />}
        <button disabled={busy(p)} onClick={() => void read()}>
          {w.again}
        </button>
      </section>
    </>
  );
}

type Point = LiveValues["points"][number];

function value(x: Point): string {
  return x.value === null ? "–" : `${typeof x.value === "number" ? Number(x.value.toPrecision(10)) : x.value} ${x.unit}`;
}

/** quality says whether a value can be used and, of one that cannot be, why. */
function quality(x: Point, words: Record<string, string>, language: "en" | "de"): string {
  const word = words[x.quality] ?? x.quality;
  const known = x.quality === "good" || x.quality === "missing"; // the word says it all
  return known || !x.error ? word : `${word}: ${told(x.said, x.error, language)}`;
}

function Points({ live }: { live: LiveValues }) {
  const { words, language } = useSpeech<Words>();
  const w = words.pairing;
  const columns: Column<Point>[] = [
    { title: w.point, cell: (x) => x.name },
    { title: w.readAs, cell: (x) => `${(x.kind && words.kinds[x.kind]) ?? x.kind ?? ""} ${x.role}` },
    { title: w.value, number: true, cell: value },
    { title: w.quality, cell: (x) => quality(x, w.pointQualities, language) },
  ];
  return (
    <>
      {live.warnings.map((text, k) => (
        <p class="warning" key={text}>
          {told(live.warnings_said?.[k], text, language)}
        </p>
      ))}
      <Table id="values" columns={columns} rows={live.points.filter((x) => x.role)} keyOf={(x) => x.name} narrow="cards" />
    </>
  );
}

/** Parts are the several meters of a unit, of which another one can be chosen. */
function Parts(p: Props & { live: LiveValues }) {
  const { pairing: w } = useSpeech<Words>().words;
  const s = p.session;
  if (!p.live.parts) return null;
  return (
    <p>
      <label>
        {w.parts}{" "}
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
  const { pairing: w } = useSpeech<Words>().words;
  const s = p.session;
  const check = (load: Load) => void p.installer.sign(s, load);
  const kind = s.kind === "meter" ? "meter" : "other";
  return (
    <div class="sign">
      <h2>{w.sign}</h2>
      <p>{s.kind === "meter" ? w.kettle : w.compare}</p>
      <div class="choose-sign">
        <button class="main" disabled={busy(p)} onClick={() => check("importing")}>
          ↓ {w.importing[kind]}
        </button>
        <button class="main" disabled={busy(p)} onClick={() => check("exporting")}>
          ↑ {w.exporting[kind]}
        </button>
        {s.kind !== "meter" && (
          <button disabled={busy(p)} onClick={() => check("later")}>
            {w.later}
          </button>
        )}
      </div>
    </div>
  );
}

function Bind(p: Props) {
  const { words, format } = useSpeech<Words>();
  const w = words.pairing;
  const s = p.session;
  const old = p.installer.devices.value.find((d) => d.id === p.installer.replacing.value);
  const [member, setMember] = useState(s.device?.member ?? old?.member ?? "");
  const [point, setPoint] = useState(s.device?.metering_point ?? old?.metering_point); // undefined: as the member has it
  const all = p.installer.devices.value;
  const [id, setId] = useState(s.device?.id ?? (old && free(old.id.replace(/-\d+$/, ""), all.map((d) => d.id))));
  const known = choices(all, s.kind, member);
  const to = { member, metering_point: point ?? known.point, id: id ?? known.id };
  return (
    <section>
      <h2>{w.bind}</h2>
      <p>{signed(s, words, format.watts(Math.abs(s.power ?? 0)))}</p>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          const form = new FormData(e.currentTarget);
          const planned = Object.fromEntries(Object.entries(said(form, s.kind)).filter(([, text]) => text !== ""));
          void p.installer.bind(s, { ...to, ...ratings(form), ...(Object.keys(planned).length > 0 && { planning: planned }), ...(form.has("control") && { control: true }) });
        }}
      >
        <div class="fields">
          <label>
            {w.member} <input required value={member} list="members" autocapitalize="none" onInput={(e) => setMember(e.currentTarget.value.trim())} />
          </label>
          <datalist id="members">
            {known.members.map((x) => (
              <option value={x} key={x} />
            ))}
          </datalist>
          <label>
            {w.meteringPoint} <input required value={to.metering_point} list="points" autocapitalize="none" onInput={(e) => setPoint(e.currentTarget.value.trim())} />
          </label>
          <datalist id="points">
            {known.points.map((x) => (
              <option value={x} key={x} />
            ))}
          </datalist>
          <label>
            {w.id} <input required value={to.id} list="ids" autocapitalize="none" onInput={(e) => setId(e.currentTarget.value.trim())} />
          </label>
          <datalist id="ids">{known.id && <option value={known.id} />}</datalist>
          <WatchFor {...p} />
        </div>
        <p class="hint">{s.kind === "meter" ? w.whoseMeter : w.whose}</p>
        <details>
          <summary>{w.ratings}</summary>
          <div class="fields">
            {madeOf(s.kind).map((name) => (
              <label key={name}>
                {words.made[name]} <input name={name} type="number" inputmode="decimal" min={0} step="any" />
              </label>
            ))}
            {s.kind !== "meter" && (
              <label class="check">
                <input name="control" type="checkbox" /> {s.kind === "inverter" ? words.made.limited : words.made.moved}
              </label>
            )}
          </div>
          <Planning kind={s.kind} known={s.finding.planning} />
        </details>
        <button class="main" disabled={busy(p)}>
          {w.go}
        </button>
      </form>
      <details>
        <summary>{w.wrong}</summary>
        <Sign {...p} />
      </details>
    </section>
  );
}

function signed(s: Session, { pairing: w }: Words, watts: string): string {
  if (s.sign_unchecked) return w.noSign;
  const shows = w.shows(watts, (s.power ?? 0) >= 0);
  return s.inverted ? w.notAsSaid(shows) : w.asSaid(shows);
}

/** WatchFor asks for how long the device is watched. */
function WatchFor({ installer }: Props) {
  const { words, format } = useSpeech<Words>();
  return (
    <label>
      {words.pairing.watchFor}{" "}
      <select defaultValue={String(installer.watchFor)} onChange={(e) => (installer.watchFor = Number(e.currentTarget.value))}>
        {watches.map((s) => (
          <option value={String(s)} selected={s === installer.watchFor}>{format.seconds(s)}</option>
        ))}
      </select>
    </label>
  );
}

function Watch(p: Props) {
  const { words, format } = useSpeech<Words>();
  const w = words.pairing;
  const s = p.session;
  const began = p.installer.watchBegan.value;
  const [now, setNow] = useState(0);
  useEffect(() => {
    if (began === 0) return;
    setNow(Date.now());
    const tick = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(tick);
  }, [began]);
  return (
    <section>
      <h2>{w.watch}</h2>
      <p>{w.watchHint(s.device?.id ?? "", s.device?.metering_point ?? "", format.seconds(p.installer.watchFor))}</p>
      {began === 0 ? (
        <div class="fields">
          <WatchFor {...p} />
          <button class="main" disabled={busy(p)} onClick={() => void p.installer.watch(s)}>
            {w.watchIt}
          </button>
        </div>
      ) : (
        <progress max={p.installer.watchFor} value={Math.max(0, (now - began) / 1000)} aria-label={w.watching} />
      )}
    </section>
  );
}
