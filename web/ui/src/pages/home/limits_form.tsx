import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { said } from "../../ui/api";
import { named } from "../../ui/zone";
import { type CarFields, type Fields, fields, refused, request, sentAs, unit, type Wrong } from "./limits";
import type { Limits, Plans } from "./plans";

/** LimitsSection shows what the homeowner wants of the agent, and sets it. */
export function LimitsSection({ plans, currency }: { plans: Plans; currency: string }) {
  const l = plans.limits.value;
  return (
    <section id="limits" aria-labelledby="limits-heading">
      <h2 id="limits-heading">Limits: what the agent has to keep to</h2>
      {l ? <Form key={l.home} plans={plans} limits={l} currency={currency} /> : <p>{plans.failed.value ? `The limits could not be read: ${plans.failed.value}` : "Reading the limits…"}</p>}
    </section>
  );
}

function setBy(l: Limits): string {
  return { homeowner: "You set them here.", configuration: "The community's configuration gives them, until you set your own.", nobody: "" }[l.set_by];
}

function Form({ plans, limits, currency }: { plans: Plans; limits: Limits; currency: string }) {
  const [f, set] = useState<Fields>(() => fields(limits, currency));
  const [wrong, refuse] = useState<Wrong>({});
  const [done, say] = useState("");
  const typing = useRef(false); // what is typed and not saved stays, whoever sets the limits meanwhile
  useEffect(() => {
    if (!typing.current) set(fields(limits, currency));
  }, [limits.since, limits.set_by]);
  const change = (more: Partial<Fields>) => {
    typing.current = true;
    say("");
    set((before) => ({ ...before, ...more }));
  };
  const changeCar = (k: number, more: Partial<CarFields>) => change({ cars: f.cars.map((c, n) => (n === k ? { ...c, ...more } : c)) });
  const tried = async (ask: () => Promise<void>, text: string) => {
    refuse({});
    say("");
    try {
      await ask();
      typing.current = false;
      if (plans.limits.value) set(fields(plans.limits.value, currency));
      say(text);
    } catch (e) {
      refuse(refused(said(e)));
    }
  };
  const save = (key: string) => {
    const r = request(f, limits.zone, currency);
    if (r.sent) return tried(() => plans.save(r.sent!, key), "Saved: the next plan keeps to it.");
    say("");
    refuse(r.wrong);
    return Promise.resolve();
  };
  const typed = (form: HTMLFormElement | null) => String((form && new FormData(form).get("key")) ?? "").trim();
  const priced = unit(currency).name;
  return (
    <form
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        void save(typed(e.currentTarget));
      }}
    >
      <ul class="counts">
        {limits.sentences.map((s) => (
          <li key={s.text}>{s.text}</li>
        ))}
      </ul>
      <p class="hint">{setBy(limits)}</p>
      {wrong[""] && (
        <p role="alert" class="refusal">
          {wrong[""]}
        </p>
      )}
      <div class="limits">
        {limits.batteries.length > 0 && (
          <Field name="reserve" label="Reserve for a blackout" after="%" hint="The battery is never planned below it." wrong={wrong}>
            {(at) => <input {...at} inputMode="decimal" value={f.reserve} onInput={(e) => change({ reserve: e.currentTarget.value })} />}
          </Field>
        )}
        <Field name="floor" label="Sell to neighbours at no less than" after={priced} hint="Below it the agent offers nothing and the battery gives nothing; what the roof has left over is shared all the same. Empty: no floor." wrong={wrong}>
          {(at) => <input {...at} inputMode="decimal" value={f.floor} onInput={(e) => change({ floor: e.currentTarget.value })} />}
        </Field>
        <Field name="ceiling" label="Buy from neighbours at no more than" after={priced} hint="Above it the agent buys nothing from neighbours. Empty: no ceiling." wrong={wrong}>
          {(at) => <input {...at} inputMode="decimal" value={f.ceiling} onInput={(e) => change({ ceiling: e.currentTarget.value })} />}
        </Field>
        <Field name="prefer" label="Prefer" hint="What is preferred goes before other energy as long as it costs no more than a hundredth of the currency unit a kWh extra." wrong={wrong}>
          {(at) => (
            <select {...at} value={f.prefer} onChange={(e) => change({ prefer: e.currentTarget.value as Fields["prefer"] })}>
              <option value="price">whatever costs least</option>
              <option value="neighbours">neighbours before the grid</option>
              <option value="solar">solar energy</option>
            </select>
          )}
        </Field>
        {limits.feeds_in && (
          <Field name="zero_export" label="Feed nothing into the grid" hint="As far as the devices of this home can be held back; neighbours get nothing either." wrong={wrong}>
            {(at) => <input {...at} type="checkbox" checked={f.zero_export} onChange={(e) => change({ zero_export: e.currentTarget.checked })} />}
          </Field>
        )}
        <Field name="away_until" label="Away until" after={named(limits.zone)} hint="Until then ready-by times rest, and heating keeps the lower end of its band. Empty: somebody is home." wrong={wrong}>
          {(at) => <input {...at} type="datetime-local" value={f.away_until} onInput={(e) => change({ away_until: e.currentTarget.value })} />}
        </Field>
        {f.cars.map((c, k) => (
          <fieldset key={c.charger}>
            <legend>Car at {c.charger}</legend>
            <Field name={`${sentAs(f.cars, k)}.ready_by`} id={`ready-by-${k}`} label="Ready by" after={named(limits.zone)} hint="Every day; until then it charges when that is cheapest. Empty: it is full by 06:30." wrong={c.ready_by ? wrong : {}}>
              {(at) => <input {...at} type="time" value={c.ready_by} onInput={(e) => changeCar(k, { ready_by: e.currentTarget.value })} />}
            </Field>
            <Field name={`${sentAs(f.cars, k)}.target`} id={`target-${k}`} label="Charged to" after="%" hint="What cannot be reached in time is said in the plan." wrong={c.ready_by ? wrong : {}}>
              {(at) => <input {...at} inputMode="decimal" value={c.target} onInput={(e) => changeCar(k, { target: e.currentTarget.value })} />}
            </Field>
          </fieldset>
        ))}
      </div>
      {plans.wanted.value && (
        <p>
          <label>
            Key of this home's agent, the installer's or the operator's <input name="key" type="password" autocomplete="off" />
          </label>
        </p>
      )}
      <p class="actions">
        <button class="main">Save the limits</button>
        {limits.set_by === "homeowner" && (
          <button type="button" class="link" onClick={(e) => void tried(() => plans.reset(typed(e.currentTarget.form)), "What the configuration gives counts again.")}>
            Go back to what the configuration gives
          </button>
        )}
        <span role="status">{done}</span>
      </p>
    </form>
  );
}

interface At {
  id: string;
  name: string;
  "aria-describedby": string;
  "aria-invalid": boolean;
}

/** Field is a field with its sentence, and what is wrong with it. */
function Field({ name, id = name, label, after, hint, wrong, children }: { name: string; id?: string; label: string; after?: string; hint: string; wrong: Wrong; children: (at: At) => ComponentChildren }) {
  const problem = wrong[name];
  return (
    <div class="field">
      <label for={`limit-${id}`}>{label}</label>
      <div class="entry">
        {children({ id: `limit-${id}`, name: id, "aria-describedby": `hint-${id}${problem ? ` wrong-${id}` : ""}`, "aria-invalid": problem !== undefined })}
        {after && <span>{after}</span>}
      </div>
      {problem && (
        <p id={`wrong-${id}`} class="refusal" role="alert">
          {problem}
        </p>
      )}
      <p id={`hint-${id}`} class="hint">
        {hint}
      </p>
    </div>
  );
}
