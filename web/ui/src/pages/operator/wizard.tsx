// A community is set up step by step: what its configuration says, and who its members are.
import { useState } from "preact/hooks";
import { Field } from "../../ui/field";
import { told } from "../../ui/api";
import { useSpeech } from "../../ui/speech";
import { Steps } from "../../ui/steps";
import { Table } from "../../ui/table";
import { configuration, problems, type Setup } from "./setup";
import type { Office } from "./store";
import type { Words } from "./words/en";

/** asked are the fields of each step; the last two steps ask for none. */
const asked: (keyof Setup)[][] = [["community", "displayName", "language", "zone"], ["currency", "retail", "feedIn"], ["gatewayId", "gatewayKey"], [], []];

export function Wizard({ office }: { office: Office }) {
  const { words, format } = useSpeech<Words>();
  const w = words.setup;
  const [step, go] = useState(0);
  const [tried, tryIt] = useState(false);
  const [setup, change] = useState<Setup>({ community: "", displayName: "", language: "en", zone: format.zone, currency: format.currency, retail: "", feedIn: "", gatewayId: "", gatewayKey: "" });
  const found = problems(setup);
  const onward = () => {
    const stuck = asked[step]?.some((f) => found[f]) ?? false;
    tryIt(stuck);
    if (!stuck) go(step + 1);
  };
  const text = (field: Exclude<keyof Setup, "language">, label: string, after?: string) => {
    const problem = tried && found[field];
    return (
      <Field id={`setup-${field}`} label={label} after={after} problem={problem ? w.problems[problem] : undefined}>
        {(at) => <input {...at} value={setup[field]} onInput={(e) => change({ ...setup, [field]: e.currentTarget.value })} />}
      </Field>
    );
  };
  return (
    <section aria-labelledby="setup-heading" id="setup">
      <h2 id="setup-heading">{w.heading}</h2>
      <p>{w.intro}</p>
      <Steps names={w.steps} current={step} />
      <form
        onSubmit={(e) => {
          e.preventDefault();
          onward();
        }}
      >
        {step === 0 && (
          <>
            {text("community", w.name)}
            {text("displayName", w.display)}
            <Field id="setup-language" label={w.language}>
              {(at) => (
                <select {...at} value={setup.language} onChange={(e) => change({ ...setup, language: e.currentTarget.value === "de" ? "de" : "en" })}>
                  <option value="en">English</option>
                  <option value="de">Deutsch</option>
                </select>
              )}
            </Field>
            {text("zone", w.zone)}
          </>
        )}
        {step === 1 && (
          <>
            {text("currency", w.currency)}
            {text("retail", w.retail, `${setup.currency}/kWh`)}
            {text("feedIn", w.feedIn, `${setup.currency}/kWh`)}
          </>
        )}
        {step === 2 && (
          <>
            <p>{w.gateway}</p>
            {text("gatewayId", w.gatewayId)}
            {text("gatewayKey", w.gatewayKey)}
          </>
        )}
        {step === 3 && <Written setup={setup} />}
        <p class="actions">
          {step > 0 && (
            <button type="button" onClick={() => go(step - 1)}>
              {w.back}
            </button>
          )}
          {step < w.steps.length - 1 && <button type="submit">{w.next}</button>}
        </p>
      </form>
      {step === w.steps.length - 1 && <Members office={office} />}
    </section>
  );
}

/** Written is the configuration, and how a community starts with it. */
function Written({ setup }: { setup: Setup }) {
  const w = useSpeech<Words>().words.setup;
  const file = `${setup.community}.yaml`;
  const content = configuration(setup, new Date().getFullYear());
  return (
    <>
      <pre id="configuration" tabIndex={0}>
        {content}
      </pre>
      <p>
        <a href={`data:text/yaml;charset=utf-8,${encodeURIComponent(content)}`} download={file}>
          {w.save}
        </a>
      </p>
      <p>{w.then}</p>
      <pre tabIndex={0}>{`commonwatt config check ${file}\ncommonwatt run --config ${file} --data ${setup.community}`}</pre>
      <p>{w.pair}</p>
    </>
  );
}

function Members({ office }: { office: Office }) {
  const w = useSpeech<Words>().words.setup;
  const [list, choose] = useState<File | undefined>(undefined);
  const [work, seen] = [office.importing.value, office.seen.value];
  const of = (outcome: string) => seen?.rows.filter((r) => r.outcome === outcome).length ?? 0;
  const changing = of("new") + of("changed");
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        if (list) void office.members(list, false);
      }}
    >
      <p>{w.members}</p>
      <Field id="setup-members" label={w.list}>
        {(at) => <input {...at} type="file" accept=".csv,.xlsx" required onChange={(e) => choose(e.currentTarget.files?.[0])} />}
      </Field>
      <button type="submit" disabled={work.is === "busy"}>
        {work.is === "busy" ? w.reading : w.preview}
      </button>
      {work.is === "failed" && (
        <p class="refusal" role="alert">
          {work.why}
        </p>
      )}
      {seen && <p role="status">{seen.applied ? w.imported : w.outcome(of("new"), of("changed"), seen.problems.length)}</p>}
      {seen && seen.problems.length > 0 && (
        <Table
          narrow="cards"
          columns={[
            { title: w.line, number: true, cell: (p) => p.line },
            { title: w.field, cell: (p) => p.field },
            { title: w.says, prose: true, cell: (p) => told(p.said, p.says) },
          ]}
          rows={seen.problems}
          keyOf={(p) => `${p.line} ${p.field}`}
        />
      )}
      {list && seen && !seen.applied && changing > 0 && (
        <button type="button" class="main" onClick={() => void office.members(list, true)}>
          {w.apply(changing)}
        </button>
      )}
    </form>
  );
}
