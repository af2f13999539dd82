// What is said on a page: its words, those that all pages share, and how numbers and times are shown.
import { signal } from "@preact/signals";
import { type ComponentChildren, createContext } from "preact";
import { useContext } from "preact/hooks";
import { Format } from "./format";
import { type Language, type Loaders, preferred } from "./words";
import type { Shared } from "./words/en";

/** Speech is one language; W are the words of the page. */
export interface Speech<W = unknown> {
  language: Language;
  words: W;
  shared: Shared;
  format: Format;
}

const shared: Loaders<Shared> = { en: () => import("./words/en"), de: () => import("./words/de") };
const name = "language";

/** Site is what the language does not change: where the community is, and how it pays. */
export interface Place {
  zone: string;
  currency: string;
}

/** Speaker has the language of a page, which may be chosen anew while it is shown. */
export class Speaker<W> {
  readonly speech = signal<Speech<W> | null>(null);

  constructor(
    private readonly words: Loaders<W>,
    private readonly storage: Pick<Storage, "getItem" | "setItem">,
    private readonly document: { documentElement: { lang: string } },
  ) {}

  /** begin speaks the language chosen in this browser, else that of the account, else one that the browser asks for. */
  begin(place: Place, account: string | undefined, browser: readonly string[]): Promise<void> {
    return this.speak(preferred(this.storage.getItem(name), account, ...browser), place);
  }

  /** choose speaks another language from now on. */
  async choose(language: Language): Promise<void> {
    const spoken = this.speech.value;
    if (!spoken) return;
    this.storage.setItem(name, language);
    await this.speak(language, spoken.format);
  }

  /** moved has times and amounts shown as of another place. */
  moved(place: Place): void {
    const spoken = this.speech.value;
    if (!spoken || (spoken.format.zone === place.zone && spoken.format.currency === place.currency)) return;
    this.speech.value = { ...spoken, format: new Format(spoken.language, place.zone, place.currency, spoken.shared.units) };
  }

  private async speak(language: Language, place: Place): Promise<void> {
    const [page, all] = await Promise.all([this.words[language](), shared[language]()]);
    this.speech.value = { language, words: page.words, shared: all.words, format: new Format(language, place.zone, place.currency, all.words.units) };
    this.document.documentElement.lang = language;
  }
}

const Spoken = createContext<Speech | null>(null);

/** Speaking has all within it speak the speaker's language. */
export function Speaking<W>({ speaker, children }: { speaker: Speaker<W>; children: ComponentChildren }) {
  return <Spoken.Provider value={speaker.speech.value}>{children}</Spoken.Provider>;
}

/** useSpeech is the language in which a component speaks. */
export function useSpeech<W = unknown>(): Speech<W> {
  const speech = useContext(Spoken);
  if (!speech) throw new Error("a component speaks outside of Speaking");
  return speech as Speech<W>;
}
