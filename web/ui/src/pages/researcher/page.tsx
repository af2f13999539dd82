// The page of the researcher: a scenario is chosen and replayed, and runs are compared.
import { useState } from "preact/hooks";
import { Alert } from "../../ui/alert";
import { Field } from "../../ui/field";
import { Shell } from "../../ui/shell";
import { told } from "../../ui/api";
import { useSpeech } from "../../ui/speech";
import type { Site } from "../../ui/start";
import { type Column, Table } from "../../ui/table";
import { wall } from "../../ui/zone";
import type { Allowed } from "./allowed";
import { Comparison } from "./comparison";
import { History } from "./history";
import { type Lab, over, pairOf, type Run, type Scenarios, seedOf } from "./lab";
import type { Words } from "./words/en";

export function App({ site, lab, allowed }: { site: Site; lab: Lab; allowed: Allowed }) {
  const { words, shared, format } = useSpeech<Words>();
  const scenarios = lab.scenarios.value;
  return (
    <Shell site={site} page="research">
      {lab.old.value && <Alert>{shared.old(lab.old.value)}</Alert>}
      {scenarios ? (
        <main class="lab">
          <h1>{words.title}</h1>
          <NewRun lab={lab} scenarios={scenarios} may={mayStart(site)} />
          <Runs lab={lab} may={mayStart(site)} />
          <Comparison lab={lab} plots={scenarios.plots} />
          {site.session.role === "researcher" && <History allowed={allowed} today={wall(Date.now(), format.zone).slice(0, 10)} />}
        </main>
      ) : (
        <main class="waiting">{words.waiting}</main>
      )}
    </Shell>
  );
}

/** mayStart tells whether who looks may start runs: that takes a person, also in a demonstration. */
function mayStart(site: Site): boolean {
  return site.session.role === "researcher" || site.session.role === "operator";
}

function NewRun({ lab, scenarios, may }: { lab: Lab; scenarios: Scenarios; may: boolean }) {
  const { words, language } = useSpeech<Words>();
  const { form } = words;
  const [wish, change] = useState({ scenario: scenarios.scenarios.find((s) => s.name === "summer-day")?.name ?? scenarios.scenarios[0]?.name ?? "", seed: "", sharing: "" });
  const scenario = scenarios.scenarios.find((s) => s.name === wish.scenario);
  const wrong = seedOf(wish.seed) === "wrong";
  const pair = pairOf(scenarios);
  return (
    <section aria-labelledby="new-heading">
    <form
      onSubmit={(e) => {
        e.preventDefault();
        void lab.start(wish);
      }}
    >
      <h2 id="new-heading">{form.heading}</h2>
      <Field id="scenario" label={form.scenario} hint={scenario && `${told(scenario.said, scenario.about, language)} ${form.facts(scenario.homes, scenario.days, scenario.minutes)}`}>
        {(at) => (
          <select {...at} value={wish.scenario} onChange={(e) => change({ ...wish, scenario: e.currentTarget.value })}>
            {scenarios.scenarios.map((s) => (
              <option>{s.name}</option>
            ))}
          </select>
        )}
      </Field>
      <Field id="seed" label={form.seed} hint={form.seedHint(scenario?.seed ?? 0)} problem={wrong ? form.seedWrong : undefined}>
        {(at) => <input {...at} inputMode="numeric" value={wish.seed} onInput={(e) => change({ ...wish, seed: e.currentTarget.value })} />}
      </Field>
      <Field id="sharing" label={form.sharing}>
        {(at) => (
          <select {...at} value={wish.sharing} onChange={(e) => change({ ...wish, sharing: e.currentTarget.value })}>
            <option value="">{form.own}</option>
            {scenarios.sharings.map((s) => (
              <option value={s}>{s === "market" ? form.market : form.rules(s)}</option>
            ))}
          </select>
        )}
      </Field>
      {lab.problem.value && (
        <p class="refusal" role="alert">
          {lab.problem.value}
        </p>
      )}
      {may ? (
        <p class="actions">
          <button type="submit" class="main" disabled={wrong}>
            {form.start}
          </button>
          {pair && (
            <button type="button" onClick={() => void lab.startPair(pair)}>
              {form.pair(pair.scenario, pair.sharings[1])}
            </button>
          )}
        </p>
      ) : (
        <p>
          <a href="/signin.html">{form.signIn}</a>
        </p>
      )}
      <p class="hint">{form.lowest}</p>
    </form>
    </section>
  );
}

function Runs({ lab, may }: { lab: Lab; may: boolean }) {
  const { words, format } = useSpeech<Words>();
  const w = words.runs;
  const all = lab.runs.value;
  if (!all) return null;
  const size = (bytes: number) => `${format.number(bytes / 1e6, 1)} MB`;
  const named = (r: Run) => w.name(r.scenario, r.seed === undefined ? w.own : String(r.seed));
  const columns: Column<Run>[] = [
    {
      title: w.compare,
      cell: (r) => (
        <input type="checkbox" class="pick" aria-label={w.compareThis(named(r))} disabled={r.state !== "done"} checked={lab.chosen.value.includes(r.id)} onChange={(e) => void lab.choose(r.id, e.currentTarget.checked)} />
      ),
    },
    { title: w.run, cell: (r) => r.scenario },
    { title: w.seed, number: true, cell: (r) => r.seed ?? w.own },
    { title: w.sharing, cell: (r) => r.sharing ?? "–" },
    { title: w.state, cell: (r) => <State run={r} /> },
    { title: w.asked, cell: (r) => `${format.time({ day: "numeric", month: "numeric" }, r.queued)} ${format.clock(r.queued)}` },
    {
      title: w.action,
      cell: (r) =>
        may && (
          <button type="button" aria-label={`${over(r) ? w.remove : w.cancel}: ${named(r)}`} onClick={() => void lab.end(r.id)}>
            {over(r) ? w.remove : w.cancel}
          </button>
        ),
    },
  ];
  return (
    <section aria-labelledby="runs-heading">
      <h2 id="runs-heading">{w.heading}</h2>
      {all.runs.length === 0 ? <p class="hint">{w.none}</p> : <Table id="runs" columns={columns} rows={all.runs} keyOf={(r) => r.id} narrow="cards" />}
      <p class="hint">{w.kept(all.runs.length, all.most, size(all.bytes), size(all.most_bytes))}</p>
    </section>
  );
}

function State({ run }: { run: Run }) {
  const { words, language } = useSpeech<Words>();
  const w = words.runs;
  return (
    <span class={`state ${run.state}`}>
      {w.states[run.state]}
      {run.state === "running" && (
        <>
          {" "}
          <progress max={100} value={run.progress} aria-label={w.states.running} /> {w.progress(run.progress)}
        </>
      )}
      {run.problem && <span class="why">: {told(run.said, run.problem, language)}</span>}
    </span>
  );
}
