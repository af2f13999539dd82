// What the owner of the home allows others to do with what is known of it, and when that was decided.
import { useState } from "preact/hooks";
import { said } from "../../ui/api";
import { useSpeech } from "../../ui/speech";
import type { Deciding } from "./deciding";
import type { Words } from "./words/en";

export function ConsentSection({ deciding, owner }: { deciding: Deciding; owner: boolean }) {
  const { words, format } = useSpeech<Words>();
  const { consent } = words.own;
  const [failed, fail] = useState("");
  const c = deciding.consent.value;
  if (!c) return null;
  const name = (use: string) => consent.uses[use as keyof typeof consent.uses] ?? use;
  const at = (time: string) => `${format.time({ day: "numeric", month: "long", year: "numeric" }, time)}, ${format.clock(time)}`;
  const latest = (use: string) => c.decisions.findLast((d) => d.use === use);
  const turn = (use: string, allowed: boolean) => deciding.allow(use, allowed).then(() => fail(""), (e: unknown) => fail(said(e)));
  return (
    <section id="consent" aria-labelledby="consent-heading">
      <h2 id="consent-heading">{consent.heading}</h2>
      <ul class="uses">
        {c.uses.map((u) => (
          <li key={u.use}>
            <label>
              <input type="checkbox" checked={u.allowed} disabled={!owner} onChange={(e) => void turn(u.use, e.currentTarget.checked)} /> {name(u.use)}
            </label>
            <p class="hint">{u.decided ? consent.decided(u.allowed, at(latest(u.use)?.time ?? "")) : consent.usual(u.allowed)}</p>
          </li>
        ))}
      </ul>
      {!owner && <p class="hint">{consent.owner}</p>}
      {c.decisions.length > 1 && (
        <details>
          <summary>{consent.all}</summary>
          <ul>
            {c.decisions.map((d) => (
              <li key={`${d.use} ${d.time}`}>
                {at(d.time)}: {name(d.use)} {consent.was(d.allowed)}
              </li>
            ))}
          </ul>
        </details>
      )}
      {failed && (
        <p role="alert" class="refusal">
          {failed}
        </p>
      )}
    </section>
  );
}
