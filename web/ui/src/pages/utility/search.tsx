// The search box, what became of a search, and what was found.
import { useEffect } from "preact/hooks";
import { useSpeech } from "../../ui/speech";
import type { Finder, Found } from "./finder";
import { Postings } from "./postings";
import type { Prover } from "./prover";
import { Proved } from "./proved";
import { Sums } from "./sums";
import type { Words } from "./words/en";

interface Props {
  finder: Finder;
  prover: Prover;
  /** member: who looks has signed in, and may have bundles. */
  member: boolean;
}

export function Search({ finder, prover, member }: Props) {
  const { words } = useSpeech<Words>();
  const found = finder.found.value;
  useEffect(() => void finder.search(""), [finder]);
  return (
    <>
      <section id="search">
        <h2>{words.search.title}</h2>
        <Box finder={finder} />
        <Verdict finder={finder} />
        <Postings finder={finder} open={(row) => void prover.open(row)} />
        {found && found.total > 0 && (
          <p class="actions">
            <a href={finder.csv} download>
              {words.download.csv}
            </a>
            {member ? (
              <a href="/api/v1/ledger/bundle" download>
                {words.download.bundle}
              </a>
            ) : (
              <span class="hint">{words.download.signIn}</span>
            )}
          </p>
        )}
      </section>
      <Proved prover={prover} />
      {found && found.total > 0 && <Sums finder={finder} />}
    </>
  );
}

function Box({ finder }: { finder: Finder }) {
  const { search } = useSpeech<Words>().words;
  return (
    <>
      <form
        role="search"
        onSubmit={(e) => {
          e.preventDefault();
          void finder.search(String(new FormData(e.currentTarget).get("q")));
        }}
      >
        <label for="q">{search.label}</label>
        <div class="entry">
          <input key={finder.text.value} id="q" name="q" type="search" aria-describedby="q-hint" autocomplete="off" spellcheck={false} defaultValue={finder.text.value} />
          <button class="main">{search.go}</button>
        </div>
        <p class="hint" id="q-hint">
          {search.hint}
        </p>
      </form>
      <p class="actions quick">
        <span class="hint">{search.quick}:</span>
        {Object.entries(search.reasons).map(([reason, name]) => (
          <button key={reason} type="button" class="link" onClick={() => void finder.search(reason)}>
            {name}
          </button>
        ))}
        <button type="button" class="link" onClick={() => void finder.search("")}>
          {search.clear}
        </button>
      </p>
    </>
  );
}

/** Verdict says what became of a search: nothing there, nothing yet, and failed are different things. */
function Verdict({ finder }: { finder: Finder }) {
  const { words } = useSpeech<Words>();
  const { search } = words;
  const found = finder.found.value;
  if (finder.failed.value) {
    return (
      <p class="refusal" role="alert" id="verdict" data-state="failed">
        {search.failed(finder.failed.value)}
      </p>
    );
  }
  return (
    <div role="status" id="verdict" data-state={finder.busy.value ? "busy" : found?.state}>
      {found && found.words.length > 0 && (
        <p class="hint">
          {search.taken}: {found.words.map((w) => `${w.word} (${search.kinds[w.kind]})`).join(", ")}
        </p>
      )}
      {found ? <Outcome found={found} /> : <p>{words.reading}</p>}
    </div>
  );
}

const signs: Record<Found["state"], string> = { found: "", none: "∅ ", unknown: "? ", unsettled: "⏳ ", behind: "⏳ " };

function Outcome({ found }: { found: Found }) {
  const { words, format } = useSpeech<Words>();
  const { search } = words;
  const said: Record<Found["state"], string> = {
    found: search.found(found.total, format.number(found.total)),
    none: search.none,
    unknown: search.unknown,
    unsettled: search.unsettled,
    behind: search.behind(format.number(found.blocks), format.number(found.height)),
  };
  return (
    <p class={found.state === "found" ? "why" : "warning"}>
      <span aria-hidden="true">{signs[found.state]}</span>
      {said[found.state]}
    </p>
  );
}
