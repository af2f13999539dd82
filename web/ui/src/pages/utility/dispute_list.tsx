// All that is or was contested: objections, runs that correct or substitute, missed challenges, disputes on the ledger.
import { useEffect } from "preact/hooks";
import { Age } from "../../ui/age";
import { Field } from "../../ui/field";
import { How } from "../../ui/figure";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import { type Dispute, type Disputes, type Kind, kinds, type State, states, step } from "./disputes";
import type { Finder } from "./finder";
import { Pager } from "./pager";
import { when } from "./postings";
import type { Words } from "./words/en";

interface Props {
  disputes: Disputes;
  /** finder finds what a run posted. */
  finder: Finder;
}

export function DisputeList({ disputes, finder }: Props) {
  const { words } = useSpeech<Words>();
  const { disputes: w } = words;
  useEffect(() => void disputes.page(0), [disputes]);
  const list = disputes.list.value;
  return (
    <section id="disputes">
      <h2>{w.title}</h2>
      <p>{w.hint}</p>
      <Narrow disputes={disputes} />
      {disputes.failed.value && (
        <p class="refusal" role="alert">
          {w.failed(disputes.failed.value)}
        </p>
      )}
      {list && list.total === 0 && <p role="status">{w.none}</p>}
      {list && list.total > 0 && <List rows={list.rows} finder={finder} />}
      {list && <Pager of={w.title} total={list.total} skip={disputes.skip.value} step={step} turn={(skip) => void disputes.page(skip)} />}
      {list && (
        <>
          <p class="hint">
            <Age at={disputes.at.value} />
          </p>
          <How of={w.title}>
            {w.how.map((text) => (
              <p key={text}>{text}</p>
            ))}
          </How>
        </>
      )}
      {list && list.total > 0 && (
        <p class="actions">
          <a href={disputes.csv} download>
            {words.download.csv}
          </a>
        </p>
      )}
    </section>
  );
}

function Narrow({ disputes }: { disputes: Disputes }) {
  const { disputes: w } = useSpeech<Words>().words;
  return (
    <form
      class="fields"
      role="search"
      aria-label={w.title}
      onSubmit={(e) => {
        e.preventDefault();
        const f = new FormData(e.currentTarget);
        void disputes.search({ q: String(f.get("dispute-words")), kind: String(f.get("dispute-kind")) as Kind, state: String(f.get("dispute-state")) as State });
      }}
    >
      <Field id="dispute-words" label={w.words}>
        {(at) => <input type="search" autocomplete="off" spellcheck={false} maxLength={500} {...at} />}
      </Field>
      <Field id="dispute-kind" label={w.kind}>
        {(at) => (
          <select {...at}>
            {kinds.map((k) => (
              <option key={k} value={k}>
                {w.kinds[k]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field id="dispute-state" label={w.state}>
        {(at) => (
          <select {...at}>
            {states.map((s) => (
              <option key={s} value={s}>
                {w.states[s]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <button>{w.go}</button>
    </form>
  );
}

function List({ rows, finder }: { rows: Dispute[]; finder: Finder }) {
  const { words, format } = useSpeech<Words>();
  const { disputes: w } = words;
  const about = (d: Dispute) => {
    const interval = d.run?.interval ?? d.objection?.interval;
    return interval ? when(format, interval) : format.time({ dateStyle: "medium" }, d.time);
  };
  const columns: Column<Dispute>[] = [
    { title: w.kind, cell: (d) => w.kinds[d.kind] },
    { title: w.about, cell: about },
    { title: w.who, cell: (d) => d.objection?.home ?? d.challenge?.device ?? d.ledger?.member ?? w.all },
    { title: w.what, prose: true, cell: (d) => <What d={d} finder={finder} /> },
    { title: w.state, cell: (d) => w.states[d.state] },
  ];
  return <Table id="contested" narrow="cards" columns={columns} rows={rows} keyOf={(d) => `${d.kind} ${d.id}`} />;
}

/** What says what a dispute is about and what became of it. */
function What({ d, finder }: { d: Dispute; finder: Finder }) {
  const { words, shared, format } = useSpeech<Words>();
  const { disputes: w, objections } = words;
  const at = (time: string) => format.time({ dateStyle: "medium", timeStyle: "short" }, time);
  const flow = (taken: number, given: number) => objections.flow(format.wattHours(taken), format.wattHours(given));
  const { objection: o, run: r, challenge: c, ledger: l } = d;
  if (o) {
    const decided = o.decided && objections.decided(objections.states[o.state], at(o.decided), o.answer ?? "");
    return (
      <>
        {[w.objection(o.id, flow(o.metered_import, o.metered_export), flow(o.import, o.export), o.reason), decided].filter(Boolean).join(" – ")}
        {o.digest && <small class="hint">{w.digest(o.digest)}</small>}
      </>
    );
  }
  if (r) {
    const find = () => {
      void finder.search(r.interval);
      document.querySelector("#search")?.scrollIntoView();
    };
    return (
      <>
        {w.run(r.run, r.estimated, r.postings, `${format.number(r.amount / 1e6, 6)} ${format.currency}`)} {r.objections.length > 0 && w.by(r.objections.join(", "))}{" "}
        <button type="button" class="link" aria-label={w.find(when(format, r.interval))} onClick={find}>
          {w.postings}
        </button>
      </>
    );
  }
  if (c) return <>{w.challenge(c.met, c.challenged, shared.tokens(c.slashed))}</>;
  if (l) {
    return (
      <>
        {w.opened(d.id, l.subject, l.evidence)} {l.answer && w.answered(l.answer)} {l.resolved && w.resolved(at(l.resolved), l.reason ?? "", `${format.number((l.amount ?? 0) / 1e6, 6)} ${format.currency}`)}
      </>
    );
  }
  return null;
}
