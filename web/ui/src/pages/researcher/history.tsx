// Downloads of what homes took and gave whose members allow research.
import { useState } from "preact/hooks";
import { Field } from "../../ui/field";
import { useSpeech } from "../../ui/speech";
import { type Allowed, type Span, steps } from "./allowed";
import type { Words } from "./words/en";

export function History({ allowed, today }: { allowed: Allowed; today: string }) {
  const { words, format } = useSpeech<Words>();
  const w = words.allowed;
  const [span, change] = useState<Span>({ first: `${today.slice(0, 7)}-01`, last: today, step: "1h" });
  const found = allowed.found.value;
  return (
    <section aria-labelledby="allowed-heading">
      <h2 id="allowed-heading">{w.heading}</h2>
      <p class="hint">{w.about}</p>
      <form
        class="row"
        onSubmit={(e) => {
          e.preventDefault();
          void allowed.look(span, format.zone, w.wrong);
        }}
      >
        <Field id="allowed-first" label={w.first} hint={format.named()}>
          {(at) => <input {...at} type="date" required value={span.first} onInput={(e) => change({ ...span, first: e.currentTarget.value })} />}
        </Field>
        <Field id="allowed-last" label={w.last}>
          {(at) => <input {...at} type="date" required value={span.last} onInput={(e) => change({ ...span, last: e.currentTarget.value })} />}
        </Field>
        <Field id="allowed-step" label={w.step}>
          {(at) => (
            <select {...at} value={span.step} onChange={(e) => change({ ...span, step: steps.find((s) => s === e.currentTarget.value) ?? "1h" })}>
              {steps.map((s) => (
                <option value={s}>{w.steps[s]}</option>
              ))}
            </select>
          )}
        </Field>
        <button type="submit">{w.look}</button>
      </form>
      <div role="status">
        {allowed.problem.value && <p class="refusal">{allowed.problem.value}</p>}
        {found && (
          <p>
            {w.found(found.homes, format.number(found.steps))}{" "}
            <a href={found.csv} download>
              CSV
            </a>{" "}
            <a href={found.json} download="history.json">
              JSON
            </a>
          </p>
        )}
      </div>
    </section>
  );
}
