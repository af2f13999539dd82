// The page of the community's money: what energy costs, what the fund has, and for the
// operator bills, the grid operator's meter values and the members' register.
import { useEffect, useRef } from "preact/hooks";
import { Alert } from "../../ui/alert";
import { Shell } from "../../ui/shell";
import { useSpeech } from "../../ui/speech";
import type { Site } from "../../ui/start";
import { Bills } from "./bills_page";
import { Members } from "./members_page";
import { Fund, Tariffs } from "./public";
import { type Money, type Part, partsFor } from "./store";
import { Values } from "./values_page";
import type { Words } from "./words/en";
import type { Question, Work } from "./work";

export function App({ site, money }: { site: Site<Words>; money: Money }) {
  const { shared, words } = useSpeech<Words>();
  const { work } = money;
  return (
    <Shell site={site} page="money">
      <nav class="parts" aria-label={words.parts.label}>
        {partsFor(site.session.role).map((name) => (
          <a href={`#${name}`} aria-current={money.part.value === name ? "page" : undefined}>
            {words.parts[name]}
          </a>
        ))}
      </nav>
      {money.failed.value && <Alert>{shared.old(money.failed.value)}</Alert>}
      {work.problem.value && <Alert kind="error">{work.problem.value}</Alert>}
      <p class="busy" role="status">
        {work.busy.value || work.done.value}
      </p>
      <main class="money">
        <Shown money={money} part={money.part.value} />
      </main>
      {work.question.value && <Asked work={work} question={work.question.value} />}
    </Shell>
  );
}

function Shown({ money, part }: { money: Money; part: Part }) {
  const { tariffs } = money;
  const { words } = useSpeech<Words>();
  if (money.closed.value) return <Enter money={money} title={words.closed} />;
  if (!tariffs.value) return <p class="waiting">{words.reading}</p>;
  if (part === "tariffs") return <Tariffs all={tariffs.value} />;
  if (part === "fund") return <Fund fund={money.fund.value} site={tariffs.value} />;
  if (!money.key.there) return <Enter money={money} title={words.parts[part]} />;
  if (part === "bills") return <Bills bills={money.bills} work={money.work} site={tariffs.value} />;
  if (part === "values") return <Values values={money.values} work={money.work} site={tariffs.value} />;
  return <Members members={money.members} work={money.work} site={tariffs.value} />;
}

function Enter({ money, title }: { money: Money; title: string }) {
  const { key } = useSpeech<Words>().words;
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        void money.enter(String(new FormData(e.currentTarget).get("key")).trim());
      }}
    >
      <h1>{title}</h1>
      <section>
        <label>
          {key.label} <input name="key" type="password" required autocomplete="off" />
        </label>{" "}
        <button>{key.enter}</button>
        <p>
          {key.where[0]}
          <code>operator.key</code>
          {key.where[1]}
        </p>
      </section>
    </form>
  );
}

/** Asked is the question before something that cannot be taken back; it holds the keyboard until it is answered. */
function Asked({ work, question }: { work: Work; question: Question }) {
  const { words } = useSpeech<Words>();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  });
  return (
    <dialog ref={dialog} aria-label={question.yes} onCancel={() => void work.answer(false)}>
      <p>{question.text}</p>
      <div class="actions">
        <button onClick={() => void work.answer(false)}>
          {words.no}
        </button>
        <button class="main" onClick={() => void work.answer(true)}>
          {question.yes}
        </button>
      </div>
    </dialog>
  );
}
