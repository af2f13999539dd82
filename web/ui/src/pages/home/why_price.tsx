// Why this price, behind a line that opens it: what is behind it is loaded when it is asked for.
import { useState } from "preact/hooks";
import { useSpeech } from "../../ui/speech";
import type { Clearing } from "../../ui/state";
import type { Loaders } from "../../ui/words";
import type { Reason } from "./reason";
import type { PriceWords } from "./words/price_en";
import type { Words } from "./words/en";

interface Opened {
  Section: typeof import("./reason_section").ReasonSection;
  words: PriceWords;
  language: string;
}

const texts: Loaders<PriceWords> = { en: () => import("./words/price_en"), de: () => import("./words/price_de") };

/** WhyPrice opens the auction of the interval whose price is shown. */
export function WhyPrice({ reason, shown }: { reason: Reason; shown: Clearing }) {
  const { words, language } = useSpeech<Words>();
  const [opened, open] = useState<Opened | null>(null);
  const load = async () => {
    const [{ ReasonSection }, text] = await Promise.all([import("./reason_section"), texts[language]()]);
    open({ Section: ReasonSection, words: text.words, language });
  };
  if (opened && opened.language !== language) void load();
  const toggle = (e: { currentTarget: HTMLDetailsElement }) => {
    if (!e.currentTarget.open) return reason.rest();
    reason.look(shown.interval);
    if (!opened) void load();
  };
  return (
    <section id="why-price">
      <details onToggle={toggle}>
        <summary>
          <h2>{words.price.why}</h2>
        </summary>
        {opened && <opened.Section reason={reason} words={opened.words} />}
      </details>
    </section>
  );
}
