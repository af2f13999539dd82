// The page of who runs the community: whether all is well, what runs, backups, and how a community is set up.
import { useState } from "preact/hooks";
import { Alert } from "../../ui/alert";
import { Field } from "../../ui/field";
import { Figure } from "../../ui/figure";
import { Shell } from "../../ui/shell";
import { told } from "../../ui/api";
import { useSpeech } from "../../ui/speech";
import type { Site } from "../../ui/start";
import { type Column, Table } from "../../ui/table";
import { leastPassphrase, type Office, type Operation, wrong } from "./store";
import type { Words } from "./words/en";
import { Wizard } from "./wizard";

export function App({ site, office }: { site: Site; office: Office }) {
  const { words, shared } = useSpeech<Words>();
  const o = office.operation.value;
  return (
    <Shell site={site} page="operation">
      {office.old.value && <Alert>{shared.old(office.old.value)}</Alert>}
      {site.session.role !== "operator" ? (
        <main class="waiting">
          <h1>{words.closed}</h1>
          <a href="/signin.html">{words.signIn}</a>
        </main>
      ) : o ? (
        <main class="operation">
          <h1>{wrong(o).length === 0 ? words.well : words.attention(wrong(o).length)}</h1>
          <Health o={o} />
          <Running o={o} read={office.at.value} />
          <Gateways o={o} />
          {site.session.guest ? <NoBackup /> : <Backup office={office} />}
          <Wizard office={office} />
          <Places />
        </main>
      ) : (
        <main class="waiting">{words.waiting}</main>
      )}
    </Shell>
  );
}

function Health({ o }: { o: Operation }) {
  const { words, language } = useSpeech<Words>();
  return (
    <section aria-labelledby="health-heading">
      <h2 id="health-heading">{words.health}</h2>
      <ul class="checks">
        {o.checks.map((c) => (
          <li key={c.name} class={c.good ? "good" : "bad"}>
            <span aria-hidden="true">{c.good ? "✓" : "✕"}</span> <strong>{words.checks[c.name]}</strong>: {c.text ? told(c.said, c.text, language) : c.good ? words.good : words.bad}
          </li>
        ))}
      </ul>
      {!o.ready && <p class="refusal">{words.notReady}</p>}
    </section>
  );
}

/** Running has the figures of what runs; read is the wall time at which they were read, ms. */
function Running({ o, read }: { o: Operation; read: number }) {
  const { words, shared, format } = useSpeech<Words>();
  const w = words.figures;
  const how = (name: keyof typeof w.how) => [w.how[name], w.source].map((text) => <p key={text}>{text}</p>);
  const size = (bytes: number) => (bytes > 0 ? `${format.number(bytes / 1e9, 1)} GB` : w.unknown);
  return (
    <section aria-labelledby="running-heading">
      <h2 id="running-heading">{w.heading}</h2>
      <div class="figures">
        <Figure id="version" label={w.version} value={o.version} note={w.since(`${format.day(o.started)}, ${format.clock(o.started)}`)} how={how("version")} read={read} />
        <Figure id="members" label={w.members} value={format.number(o.members)} how={how("members")} read={read} />
        <Figure id="devices" label={w.devices} value={w.of(o.devices_online, o.devices)} how={how("devices")} read={read} />
        <Figure id="disk" label={w.disk} value={size(o.disk_free)} note={`${w.ofDisk(size(o.disk_size))}, ${o.data}`} how={how("disk")} read={read} />
        <Figure id="ledger" label={w.ledger} value={w.blocks(o.ledger_height)} note={shared.ledgers[o.ledger_kind] ?? o.ledger_kind} how={how("ledger")} read={read} />
        <Figure id="settled" label={w.intervals} value={format.number(o.settled)} note={w.cleared(o.cleared)} how={how("settled")} read={read} />
      </div>
    </section>
  );
}

type Gateway = NonNullable<Operation["gateways"]>[number];

function Gateways({ o }: { o: Operation }) {
  const { words, format } = useSpeech<Words>();
  const w = words.gateways;
  const columns: Column<Gateway>[] = [
    { title: w.id, cell: (g) => g.id },
    { title: w.state, cell: (g) => (g.online ? `✓ ${w.online}` : `✕ ${w.silent}`) },
    { title: w.last, cell: (g) => (g.last_reading ? `${format.day(g.last_reading)}, ${format.clock(g.last_reading)}` : "–") },
    { title: w.refused, cell: (g) => (g.refused ? `${g.refused}: ${g.refusal ?? ""}` : w.nothing) },
  ];
  return (
    <section aria-labelledby="gateways-heading">
      <h2 id="gateways-heading">{w.heading}</h2>
      {o.gateways?.length ? <Table id="gateways" columns={columns} rows={o.gateways} keyOf={(g) => g.id} narrow="cards" /> : <p class="hint">{w.none}</p>}
    </section>
  );
}

function Places() {
  const w = useSpeech<Words>().words.places;
  return (
    <nav class="places" aria-label={w.heading}>
      <a href="/money.html">{w.money}</a>
      <a href="/installer.html">{w.devices}</a>
      <a href="/account.html">{w.accounts}</a>
      <a href="/researcher.html">{w.research}</a>
      <a href="/utility.html">{w.ledger}</a>
    </nav>
  );
}

/** NoBackup is said to who came to a demonstration by a click: a backup has the keys of the machine. */
function NoBackup() {
  const { words, shared } = useSpeech<Words>();
  return (
    <section aria-labelledby="backup-heading">
      <h2 id="backup-heading">{words.backup.heading}</h2>
      <p>{shared.guest}</p>
    </section>
  );
}

function Backup({ office }: { office: Office }) {
  const w = useSpeech<Words>().words.backup;
  const [passphrase, type] = useState("");
  const [again, repeat] = useState("");
  const [tried, tryIt] = useState(false);
  const work = office.backup.value;
  const short = [...passphrase].length < leastPassphrase;
  return (
    <section aria-labelledby="backup-heading">
      <h2 id="backup-heading">{w.heading}</h2>
      <p>{w.what}</p>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          tryIt(true);
          if (short || passphrase !== again) return;
          void office.backUp(passphrase, new Date()).then(() => {
            type("");
            repeat("");
            tryIt(false);
          });
        }}
      >
        <Field id="passphrase" label={w.passphrase} hint={w.hint(leastPassphrase)} problem={tried && short ? w.short(leastPassphrase) : undefined}>
          {(at) => <input {...at} type="password" autocomplete="new-password" value={passphrase} onInput={(e) => type(e.currentTarget.value)} />}
        </Field>
        <Field id="passphrase-again" label={w.again} problem={tried && !short && passphrase !== again ? w.differ : undefined}>
          {(at) => <input {...at} type="password" autocomplete="new-password" value={again} onInput={(e) => repeat(e.currentTarget.value)} />}
        </Field>
        <button type="submit" class="main" disabled={work.is === "busy"}>
          {work.is === "busy" ? w.busy : w.make}
        </button>
      </form>
      <p role="status" id="backup-done">
        {work.is === "done" && w.done(work.what)}
      </p>
      {work.is === "failed" && (
        <p class="refusal" role="alert">
          {work.why}
        </p>
      )}
    </section>
  );
}
