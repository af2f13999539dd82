// The languages of the pages. A page has its words in a folder of its own, one file a language:
// the English file is what the others have to have, and only one of them is loaded.

/** Language is one in which the pages speak. */
export type Language = "en" | "de";

/** languages are all of them, by their own names. */
export const languages: Record<Language, string> = { en: "English", de: "Deutsch" };

/** Loaders are how the words of a page come, by language. */
export type Loaders<W> = Record<Language, () => Promise<{ words: W }>>;

/** spoken tells whether the pages speak a language. */
export function spoken(name: string | null | undefined): name is Language {
  return name === "en" || name === "de";
}

/** preferred is the first of the languages that somebody wants and the pages speak; wanted may be names such as de-AT. */
export function preferred(...wanted: (string | null | undefined)[]): Language {
  return wanted.map((name) => name?.slice(0, 2).toLowerCase()).find(spoken) ?? "en";
}

/** plural is a number with what is counted. */
export function plural(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}
