// The key, the last checkpoint, and whether it continues an earlier one that the reader kept.
import { How } from "../../ui/figure";
import { useSpeech } from "../../ui/speech";
import { Check } from "./proved";
import type { Ledger } from "./store";
import { type Compared, continued, type Trust } from "./trust";
import { readCheckpoint } from "./verify";
import type { Words } from "./words/en";

interface Props {
  l: Ledger;
  trust: Trust;
}

/** Checkpoint is the last one; read is the wall time at which it was read, ms. */
export function Checkpoint({ l, trust, read }: Props & { read: number }) {
  const { words: all, format } = useSpeech<Words>();
  const words = all.checkpoint;
  return (
    <section id="trust" class="proof">
      <h2>{words.title}</h2>
      {l.checkpoint && <Last note={l.checkpoint} />}
      <How of={words.title} read={read}>
        <p>{words.formula}</p>
        <p>{words.source(format.number(l.height))}</p>
      </How>
      <h3>{words.last}</h3>
      <pre id="checkpoint">{l.checkpoint ?? words.none}</pre>
      <Earlier l={l} trust={trust} />
      <h3>{words.key}</h3>
      <pre id="key">{l.key}</pre>
      <Own trust={trust} />
      <h3>{words.offline}</h3>
      <p>{words.how}</p>
      <pre>
        {"commonwatt ledger verify --bundle BUNDLE --key KEY --checkpoint EARLIER"}
      </pre>
      <h3>{words.block}</h3>
      <pre>{l.root}</pre>
    </section>
  );
}

/** Last is what the last checkpoint says. */
function Last({ note }: { note: string }) {
  const { words, format } = useSpeech<Words>();
  const c = parsed(note);
  if (!c) return null;
  const signers = Array.from(note.matchAll(/^— (\S+) /gm), (m) => m[1]);
  return (
    <dl>
      <dt>{words.checkpoint.size}</dt>
      <dd>{format.number(c.size)}</dd>
      <dt>{words.checkpoint.records}</dt>
      <dd>{format.number(c.records)}</dd>
      <dt>{words.checkpoint.root}</dt>
      <dd>
        <code>{c.root}</code>
      </dd>
      <dt>{words.checkpoint.signer}</dt>
      <dd>{signers.join(", ")}</dd>
    </dl>
  );
}

function parsed(note: string) {
  try {
    return readCheckpoint(note);
  } catch {
    return undefined;
  }
}

/** Earlier keeps a checkpoint and holds the last one against it. */
function Earlier({ l, trust }: Props) {
  const { words, format } = useSpeech<Words>();
  const { checkpoint } = words;
  const kept = parsed(trust.kept.value);
  const c = trust.compared.value;
  return (
    <>
      <p id="kept">{kept ? checkpoint.kept(format.number(kept.size)) : checkpoint.noneKept}</p>
      <p class="actions">
        <button type="button" disabled={!kept} onClick={() => void trust.check()}>
          {checkpoint.compare}
        </button>
        <button type="button" disabled={!l.checkpoint} onClick={() => l.checkpoint && trust.keep(l.checkpoint)}>
          {checkpoint.keepThis}
        </button>
        <label>
          {checkpoint.file}{" "}
          <input
            type="file"
            onChange={(e) => {
              const file = e.currentTarget.files?.[0];
              if (file) void file.text().then((text) => trust.keep(text));
            }}
          />
        </label>
      </p>
      {trust.failed.value && (
        <p class="refusal" role="alert">
          {checkpoint.failed(trust.failed.value)}
        </p>
      )}
      {c && <Result c={c} />}
    </>
  );
}

function Result({ c }: { c: Compared }) {
  const { words, format } = useSpeech<Words>();
  const { checkpoint } = words;
  const ok = continued(c);
  const unable = c.olderSigned === "unable" || c.newerSigned === "unable";
  const signed = (s: Compared["olderSigned"]) => (s === "unable" ? undefined : s === "yes");
  return (
    <>
      <p id="continues" class={ok ? "held" : "broken"} role={ok ? "status" : "alert"} data-holds={ok}>
        {ok ? checkpoint.continues(format.number(c.older.size), format.number(c.newer.size)) : checkpoint.rewritten}
        {ok && unable && checkpoint.unsigned}
      </p>
      <ul class="checks">
        <Check ok={c.older.origin === c.newer.origin}>{checkpoint.parts.origin}</Check>
        <Check ok={c.postings}>{checkpoint.parts.postings}</Check>
        <Check ok={c.records}>{checkpoint.parts.records}</Check>
        <Check ok={signed(c.olderSigned)}>{checkpoint.parts.older}</Check>
        <Check ok={signed(c.newerSigned)}>{checkpoint.parts.newer}</Check>
      </ul>
    </>
  );
}

/** Own is the reader's copy of the key. */
function Own({ trust }: { trust: Trust }) {
  const { checkpoint } = useSpeech<Words>().words;
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        trust.keepKey(String(new FormData(e.currentTarget).get("key")));
      }}
    >
      <label for="own-key">{checkpoint.own}</label>
      <div class="entry">
        <input id="own-key" name="key" type="text" aria-describedby="own-hint" autocomplete="off" spellcheck={false} defaultValue={trust.key.value} />
        <button>{checkpoint.keep}</button>
      </div>
      <p class="hint" id="own-hint">
        {checkpoint.ownHint}
      </p>
    </form>
  );
}
