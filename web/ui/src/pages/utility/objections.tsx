// Values that members say are wrong: the list, and the one that is being decided.
import { useEffect } from "preact/hooks";
import { Field } from "../../ui/field";
import { useSpeech } from "../../ui/speech";
import { type Column, Table } from "../../ui/table";
import { type Objected, type Objection, states } from "./objected";
import type { Words } from "./words/en";

interface Props {
  objected: Objected;
  /** member: who looks has signed in, and may decide. */
  member: boolean;
}

export function Objections({ objected, member }: Props) {
  const { objections: w } = useSpeech<Words>().words;
  useEffect(() => {
    if (member) void objected.read();
  }, [objected, member]);
  const all = objected.all.value;
  const o = objected.chosen.value;
  return (
    <section id="objections">
      <h2>{w.title}</h2>
      <p>{member ? w.hint : w.signIn}</p>
      {objected.failed.value && (
        <p class="refusal" role="alert">
          {w.failed(objected.failed.value)}
        </p>
      )}
      {all && <Narrow objected={objected} />}
      {all && (all.length > 0 ? <List all={all} choose={(one) => (objected.chosen.value = one)} /> : <p>{objected.state.value ? w.noneOf : w.none}</p>)}
      {o && <Decide key={o.id} o={o} objected={objected} />}
    </section>
  );
}

function Narrow({ objected }: { objected: Objected }) {
  const { objections: w } = useSpeech<Words>().words;
  return (
    <p class="actions" role="group" aria-label={w.state}>
      {states.map((s) => (
        <button key={s} type="button" aria-pressed={objected.state.value === s} onClick={() => void objected.read(s)}>
          {w.states[s]}
        </button>
      ))}
    </p>
  );
}

/** useShown says when an interval was, and what flowed in it. */
function useShown() {
  const { words, format } = useSpeech<Words>();
  return {
    span: (interval: string) => {
      const [start = "", minutes] = interval.split("/");
      return `${format.time({ day: "numeric", month: "short", year: "numeric" }, start)}, ${format.span({ start, minutes: Number(minutes) })}`;
    },
    flow: (taken: number, given: number) => words.objections.flow(`${format.number(taken)} Wh`, `${format.number(given)} Wh`),
    at: (time: string) => format.time({ dateStyle: "medium", timeStyle: "short" }, time),
  };
}

function List({ all, choose }: { all: Objection[]; choose: (o: Objection) => void }) {
  const { objections: w } = useSpeech<Words>().words;
  const { span, flow, at } = useShown();
  const became = (o: Objection) =>
    o.state === "open" ? (
      <button type="button" onClick={() => choose(o)}>
        {w.decide(o.id)}
      </button>
    ) : (
      [w.decided(w.states[o.state], at(o.decided ?? ""), o.answer ?? ""), o.state === "accepted" && (o.settled ? w.settled : w.unsettled)].filter(Boolean).join(", ")
    );
  const columns: Column<Objection>[] = [
    { title: w.home, cell: (o) => o.home },
    { title: w.interval, cell: (o) => span(o.interval) },
    { title: w.original, prose: true, cell: (o) => flow(o.metered_import, o.metered_export) },
    { title: w.claimed, prose: true, cell: (o) => flow(o.import, o.export) },
    { title: w.reason, prose: true, cell: (o) => o.reason },
    { title: w.became, prose: true, cell: became },
  ];
  return <Table id="objected" narrow="cards" columns={columns} rows={all} keyOf={(o) => o.id} />;
}

function Decide({ o, objected }: { o: Objection; objected: Objected }) {
  const { objections: w } = useSpeech<Words>().words;
  const { span, flow } = useShown();
  return (
    <form
      id="decide"
      class="fields"
      aria-label={w.decide(o.id)}
      onSubmit={(e) => {
        e.preventDefault();
        const f = new FormData(e.currentTarget);
        void objected.decide((e.submitter as HTMLButtonElement | null)?.value === "accept", String(f.get("answer")), f.get("quality") === "estimated" ? "estimated" : "replaced");
      }}
    >
      <h3>{w.heading(o.id, o.home, span(o.interval))}</h3>
      <p>
        {w.original}: {flow(o.metered_import, o.metered_export)}. {w.claimed}: {flow(o.import, o.export)}. {w.reason}: {o.reason}
      </p>
      <Field id="objection-answer" name="answer" label={w.answer}>
        {(at) => <input type="text" maxLength={500} required {...at} />}
      </Field>
      <Field id="objection-quality" name="quality" label={w.as} hint={w.asHint}>
        {(at) => (
          <select {...at}>
            <option value="replaced">{w.qualities.replaced}</option>
            <option value="estimated">{w.qualities.estimated}</option>
          </select>
        )}
      </Field>
      <p class="actions">
        <button value="accept">{w.accept}</button>
        <button value="refuse">{w.refuse}</button>
        <button type="button" onClick={() => (objected.chosen.value = null)}>
          {w.close}
        </button>
      </p>
    </form>
  );
}
