// The proof of one posting, and what this browser found when it checked it.
import { useEffect, useRef } from "preact/hooks";
import { useSpeech } from "../../ui/speech";
import { holds, type Proof, type Prover } from "./prover";
import type { Words } from "./words/en";

export function Proved({ prover }: { prover: Prover }) {
  const { words, format } = useSpeech<Words>();
  const head = useRef<HTMLHeadingElement>(null);
  const row = prover.row.value;
  useEffect(() => {
    head.current?.focus({ preventScroll: true });
    head.current?.scrollIntoView({ block: "start" });
  }, [row]);
  if (!row) return null;
  const leaf = format.number(row.leaf);
  const close = () => {
    prover.close();
    document.querySelector<HTMLElement>(`#postings button[tabindex="0"]`)?.focus();
  };
  const p = prover.proof.value;
  return (
    <section id="proof" onKeyDown={(e) => e.key === "Escape" && close()}>
      <h2 ref={head} tabIndex={-1}>
        {words.proof.title(leaf)}
      </h2>
      {prover.failed.value && (
        <p class="refusal" role="alert">
          {words.proof.failed(prover.failed.value)}
        </p>
      )}
      {!p && !prover.failed.value && <p role="status">{words.proof.checking}</p>}
      {p && <Checked p={p} />}
      <p class="hint">{words.proof.tx(row.tx, format.number(row.block))}</p>
      <button type="button" onClick={close}>
        {words.proof.close}
      </button>
    </section>
  );
}

function Checked({ p }: { p: Proof }) {
  const { words, format } = useSpeech<Words>();
  const { proof } = words;
  const verdict = !holds(p) ? proof.broken : p.signed === "unable" ? proof.holdsPath : proof.holds;
  return (
    <>
      <p class={holds(p) ? "held" : "broken"} role={holds(p) ? "status" : "alert"} data-holds={holds(p)} data-signed={p.signed}>
        {verdict}
      </p>
      <ul class="checks">
        <Check ok={p.same}>{p.same ? proof.same : proof.notSame}</Check>
        <Check ok={p.included}>{p.included ? proof.included(p.given.path.length, format.number(p.given.size)) : proof.notIncluded}</Check>
        <Check ok={p.signed === "unable" ? undefined : p.signed === "yes"}>
          {proof.signed[p.signed]} {p.own ? proof.own : proof.told}
        </Check>
      </ul>
      <details>
        <summary>{proof.bytes}</summary>
        <pre id="leaf">{p.given.text}</pre>
        <dl>
          <dt>{proof.leaf}</dt>
          <dd>
            <code>{p.hash}</code>
          </dd>
          <dt>{proof.root}</dt>
          <dd>
            <code>{p.root}</code>
          </dd>
          <dt>{proof.path}</dt>
          <dd>
            <ol>
              {p.given.path.map((h) => (
                <li key={h}>
                  <code>{h}</code>
                </li>
              ))}
            </ol>
          </dd>
        </dl>
        <pre>{p.given.checkpoint}</pre>
      </details>
    </>
  );
}

/** Check is one thing that was checked; undefined: it could not be. */
export function Check({ ok, children }: { ok: boolean | undefined; children: preact.ComponentChildren }) {
  return (
    <li class={ok === undefined ? "unable" : ok ? "ok" : "wrong"}>
      <span aria-hidden="true">{ok === undefined ? "–" : ok ? "✓" : "✕"}</span> {children}
    </li>
  );
}
