// What the owner of the home is told, by which way; each on and off by a click.
import { useState } from "preact/hooks";
import { said } from "../../ui/api";
import { useSpeech } from "../../ui/speech";
import { type Deciding, type Notices, request } from "./deciding";
import type { Words } from "./words/en";

export function NoticesSection({ deciding }: { deciding: Deciding }) {
  const { words } = useSpeech<Words>();
  const { notices } = words.own;
  const n = deciding.notices.value;
  return (
    <section id="notices" aria-labelledby="notices-heading">
      <h2 id="notices-heading">{notices.heading}</h2>
      {n ? <Choices deciding={deciding} n={n} /> : <p class="hint">{notices.signIn}</p>}
    </section>
  );
}

function Choices({ deciding, n }: { deciding: Deciding; n: Notices }) {
  const { words, format } = useSpeech<Words>();
  const { notices } = words.own;
  const [failed, fail] = useState("");
  const [bounds, bound] = useState({ below: n.below, above: n.above });
  const tried = (did: Promise<void>) => did.then(() => fail(""), (e: unknown) => fail(said(e)));
  const turn = (kind: string, channel: "email" | "push", on: boolean) => tried(deciding.choose(request(n, kind, channel, on, bounds)));
  const change = (side: "below" | "above", text: string) => {
    const value = text.trim() === "" ? undefined : Math.round(Number(text.replace(",", ".")) * 1e6);
    bound((before) => ({ ...before, [side]: Number.isNaN(value) ? before[side] : value }));
  };
  return (
    <>
      <table class="kinds">
        <caption class="hint">{notices.caption}</caption>
        <thead>
          <tr>
            <th scope="col">{notices.about}</th>
            <th scope="col">{notices.email}</th>
            <th scope="col">{notices.push}</th>
          </tr>
        </thead>
        <tbody>
          {n.kinds.map((k) => (
            <tr key={k.kind}>
              <th scope="row">
                {notices.kinds[k.kind as keyof typeof notices.kinds]}
              </th>
              {!k.source && (
                <td colSpan={2} class="hint">
                  {notices.noSource}
                </td>
              )}
              {(k.source ? (["email", "push"] as const) : []).map((channel) => (
                <td key={channel}>
                  <label class="tick">
                    <input type="checkbox" checked={k[channel]} aria-label={`${notices.kinds[k.kind as keyof typeof notices.kinds]}: ${notices[channel]}`} onChange={(e) => void turn(k.kind, channel, e.currentTarget.checked)} />
                  </label>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="bounds">
        <label>
          {notices.below} <input inputMode="decimal" name="below" value={bounds.below === undefined ? "" : String(bounds.below / 1e6)} onChange={(e) => change("below", e.currentTarget.value)} /> {n.currency}/kWh
        </label>{" "}
        <label>
          {notices.above} <input inputMode="decimal" name="above" value={bounds.above === undefined ? "" : String(bounds.above / 1e6)} onChange={(e) => change("above", e.currentTarget.value)} /> {n.currency}/kWh
        </label>{" "}
        <button type="button" onClick={() => void tried(deciding.choose({ kinds: n.kinds.map(({ kind, email, push }) => ({ kind, email, push })), ...bounds }))}>
          {notices.save}
        </button>
      </p>
      {(n.below !== undefined || n.above !== undefined) && <p class="hint">{notices.bounds(n.below === undefined ? "" : format.price(n.below), n.above === undefined ? "" : format.price(n.above))}</p>}
      {!n.mail && <p class="hint">{notices.noMail}</p>}
      {deciding.pushes ? (
        <p>
          <button type="button" onClick={() => void tried(deciding.subscribe())}>
            {notices.subscribe}
          </button>{" "}
          <span class="hint">{notices.browsers(n.browsers.length)}</span>
        </p>
      ) : (
        <p class="hint">{notices.noPush}</p>
      )}
      {failed && (
        <p role="alert" class="refusal">
          {failed}
        </p>
      )}
    </>
  );
}
