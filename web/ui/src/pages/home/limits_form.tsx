import { useEffect, useRef, useState } from "preact/hooks";
import { said } from "../../ui/api";
import { Field } from "../../ui/field";
import { useSpeech } from "../../ui/speech";
import { type CarFields, explained, type Fields, fields, refused, request, sentAs, unit, type Wrong } from "./limits";
import { type Limits, type Plans, Refused } from "./plans";
import type { Say } from "./say";
import type { Words } from "./words/en";

/** LimitsSection shows what the homeowner wants of the agent, and sets it. */
export function LimitsSection({ plans }: { plans: Plans }) {
  const say = useSpeech<Words>();
  const w = say.words.limits;
  const l = plans.limits.value;
  return (
    <section id="limits" aria-labelledby="limits-heading">
      <h2 id="limits-heading">{w.title}</h2>
      {l ? <Form key={l.home} plans={plans} limits={l} say={say} /> : <p>{plans.failed.value ? w.failed(plans.failed.value) : w.reading}</p>}
    </section>
  );
}

function Form({ plans, limits, say }: { plans: Plans; limits: Limits; say: Say }) {
  const w = say.words.limits;
  const [f, set] = useState<Fields>(() => fields(limits, say.format));
  const [wrong, refuse] = useState<Wrong>({});
  const [done, tell] = useState("");
  const typing = useRef(false); // what is typed and not saved stays, whoever sets the limits meanwhile
  useEffect(() => {
    if (!typing.current) set(fields(limits, say.format));
  }, [limits.since, limits.set_by]);
  const change = (more: Partial<Fields>) => {
    typing.current = true;
    tell("");
    set((before) => ({ ...before, ...more }));
  };
  const changeCar = (k: number, more: Partial<CarFields>) => change({ cars: f.cars.map((c, n) => (n === k ? { ...c, ...more } : c)) });
  const tried = async (ask: () => Promise<void>, text: string) => {
    refuse({});
    tell("");
    try {
      await ask();
      typing.current = false;
      if (plans.limits.value) set(fields(plans.limits.value, say.format));
      tell(text);
    } catch (e) {
      refuse(e instanceof Refused ? { "": e.key === "wrong" ? w.keyWrong : w.keyWanted } : refused(said(e)));
    }
  };
  const save = (key: string) => {
    const r = request(f, limits.zone, say);
    if (r.sent) return tried(() => plans.save(r.sent!, key), w.saved);
    tell("");
    refuse(r.wrong);
    return Promise.resolve();
  };
  const typed = (form: HTMLFormElement | null) => String((form && new FormData(form).get("key")) ?? "").trim();
  const priced = unit(say.format).name;
  return (
    <form
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        void save(typed(e.currentTarget));
      }}
    >
      <ul class="counts">
        {explained(limits, say).map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      <p class="hint">{w.setBy[limits.set_by]}</p>
      {wrong[""] && (
        <p role="alert" class="refusal">
          {wrong[""]}
        </p>
      )}
      <div class="limits">
        {limits.batteries.length > 0 && (
          <Field id="limit-reserve" label={w.reserve.label} after="%" hint={w.reserve.hint} problem={wrong.reserve}>
            {(at) => <input {...at} inputMode="decimal" value={f.reserve} onInput={(e) => change({ reserve: e.currentTarget.value })} />}
          </Field>
        )}
        <Field id="limit-floor" label={w.floor.label} after={priced} hint={w.floor.hint} problem={wrong.floor}>
          {(at) => <input {...at} inputMode="decimal" value={f.floor} onInput={(e) => change({ floor: e.currentTarget.value })} />}
        </Field>
        <Field id="limit-ceiling" label={w.ceiling.label} after={priced} hint={w.ceiling.hint} problem={wrong.ceiling}>
          {(at) => <input {...at} inputMode="decimal" value={f.ceiling} onInput={(e) => change({ ceiling: e.currentTarget.value })} />}
        </Field>
        <Field id="limit-prefer" label={w.prefer.label} hint={w.prefer.hint} problem={wrong.prefer}>
          {(at) => (
            <select {...at} value={f.prefer} onChange={(e) => change({ prefer: e.currentTarget.value as Fields["prefer"] })}>
              <option value="price">{w.prefer.price}</option>
              <option value="neighbours">{w.prefer.neighbours}</option>
              <option value="solar">{w.prefer.solar}</option>
            </select>
          )}
        </Field>
        {limits.feeds_in && (
          <Field id="limit-zero-export" label={w.zeroExport.label} hint={w.zeroExport.hint} problem={wrong.zero_export}>
            {(at) => <input {...at} type="checkbox" checked={f.zero_export} onChange={(e) => change({ zero_export: e.currentTarget.checked })} />}
          </Field>
        )}
        <Field id="limit-away" label={w.away.label} after={say.format.named()} hint={w.away.hint} problem={wrong.away_until}>
          {(at) => <input {...at} type="datetime-local" value={f.away_until} onInput={(e) => change({ away_until: e.currentTarget.value })} />}
        </Field>
        {f.cars.map((c, k) => (
          <fieldset key={c.charger}>
            <legend>{w.car.title(c.charger)}</legend>
            <Field id={`limit-ready-by-${k}`} label={w.car.readyBy} after={say.format.named()} hint={w.car.readyByHint} problem={c.ready_by ? wrong[`${sentAs(f.cars, k)}.ready_by`] : undefined}>
              {(at) => <input {...at} type="time" value={c.ready_by} onInput={(e) => changeCar(k, { ready_by: e.currentTarget.value })} />}
            </Field>
            <Field id={`limit-target-${k}`} label={w.car.target} after="%" hint={w.car.targetHint} problem={c.ready_by ? wrong[`${sentAs(f.cars, k)}.target`] : undefined}>
              {(at) => <input {...at} inputMode="decimal" value={c.target} onInput={(e) => changeCar(k, { target: e.currentTarget.value })} />}
            </Field>
          </fieldset>
        ))}
      </div>
      {plans.wanted.value && (
        <p>
          <label>
            {w.key} <input name="key" type="password" autocomplete="off" />
          </label>
        </p>
      )}
      <p class="actions">
        <button class="main">{w.save}</button>
        {limits.set_by === "homeowner" && (
          <button type="button" class="link" onClick={(e) => void tried(() => plans.reset(typed(e.currentTarget.form)), w.reset)}>
            {w.goBack}
          </button>
        )}
        <span role="status">{done}</span>
      </p>
    </form>
  );
}
