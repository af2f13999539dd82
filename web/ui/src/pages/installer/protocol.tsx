// The protocol of the installation, to be printed and signed: what was paired, how it was checked, by whom and when.
import { told } from "../../ui/api";
import { useSpeech } from "../../ui/speech";
import type { Site } from "../../ui/start";
import { counters, mounted } from "./device";
import type { Device, Installer } from "./store";
import type { Words } from "./words/en";

interface Props {
  installer: Installer;
  site: Site;
  back: () => void;
}

export function Protocol({ installer, site, back }: Props) {
  const { words, format } = useSpeech<Words>();
  const w = words.protocol;
  const all = installer.devices.value;
  const gone = all.filter((d) => d.state === "removed");
  const now = Date.now();
  return (
    <div id="protocol">
      <h1>{w.title}</h1>
      <p>{w.of(site.session.info.value?.display_name ?? "", `${format.day(now)}, ${format.clock(now)} ${format.zone}`)}</p>
      <p class="actions">
        <button class="main" onClick={() => window.print()}>
          {w.print}
        </button>
        <button onClick={back}>{words.devices.back}</button>
      </p>
      {all
        .filter((d) => d.state !== "removed")
        .map((d) => (
          <Entry device={d} key={d.id} />
        ))}
      {gone.length > 0 && <h2>{w.removed}</h2>}
      {gone.map((d) => (
        <Entry device={d} key={d.id} />
      ))}
      <div class="signature">
        <p>{w.place}</p>
        <p>{w.signature}</p>
      </div>
    </div>
  );
}

function Entry({ device: d }: { device: Device }) {
  const { words, language } = useSpeech<Words>();
  return (
    <section>
      <h2>{d.name ? `${d.name} (${d.id})` : d.id}</h2>
      <dl>
        {useFacts(d).map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
      </dl>
      {d.warning && <p class="warning">{words.facts.state}: {told(d.said, d.warning, language)}</p>}
    </section>
  );
}

/** useFacts are what the protocol tells of a device: title and value. */
function useFacts(d: Device): [string, string][] {
  const { words, format } = useSpeech<Words>();
  const { facts: f, protocol: w } = words;
  const b = d.binding;
  const how = b?.paired;
  const at = (time: string) => `${format.day(time)}, ${format.clock(time)}`;
  const made = [b?.rated && format.watts(b.rated), b?.capacity && format.energy(b.capacity), b?.import_limit !== undefined && f.imports(format.watts(b.import_limit)), b?.export_limit !== undefined && f.exports(format.watts(b.export_limit)), b?.control && f.control];
  const facts: [string, string | undefined | false][] = [
    [f.kind, words.kinds[d.kind] ?? d.kind],
    [f.member, d.member],
    [f.point, d.metering_point],
    [f.maker, how && ([how.identity.vendor, how.identity.model].filter(Boolean).join(" ") || f.unknown)],
    [f.serial, d.serial ?? f.unknown],
    [f.firmware, how?.identity.firmware],
    [f.target, d.target && `${d.target}, ${f.unit} ${d.unit}`],
    [f.read, d.gateway && words.devices.by(d.gateway)],
    [f.profile, d.profile],
    [f.rated, made.filter(Boolean).join(", ")],
    [w.planning, plannedBy(b?.planning, words)],
    [w.paired, d.configured ? f.configured : how ? [at(how.at), how.by && w.by(how.by)].filter(Boolean).join(", ") : w.unnoted],
    [w.replaces, b?.replaces],
    [w.sign, how && (how.load && how.power !== undefined ? w.signed(w.loads[how.load] ?? how.load, signed(how.power, words, format.watts(how.power))) : w.unnoted)],
    [f.mounted, d.kind === "meter" && mounted(d, words)],
    [w.watch, how?.watch && w.watched(how.watch.readings, how.watch.seconds, how.watch.longest_gap_s)],
    [w.began, how?.began && counters(how.began, words, format)],
    [w.ended, b?.ended && counters(b.ended, words, format)],
    [w.until, b?.until && [at(b.until), b.gone?.by && w.by(b.gone.by)].filter(Boolean).join(", ")],
    [w.successor, b?.gone?.replaced_by],
    [w.reason, b?.gone?.reason],
  ];
  return facts.filter((x): x is [string, string] => Boolean(x[1]));
}

/** plannedBy is what a plan knows of a device. */
function plannedBy(known: Record<string, string> | undefined, { planning: w }: Words): string {
  return Object.entries(known ?? {})
    .map(([name, text]) => `${w[name as "wear"]?.label ?? name}: ${text}`)
    .join(", ");
}

function signed(power: number, words: Words, watts: string): string {
  return power < 0 ? words.devices.gives(watts) : words.devices.takes(watts);
}
