import { describe, expect, it } from "vitest";
import { Speaker } from "./speech";
import { preferred } from "./words";

describe("a language is chosen", () => {
  it("as somebody wants it first, and the pages speak it", () => {
    expect(preferred(null, undefined, "fr-CH", "de-AT", "en")).toBe("de");
    expect(preferred("en", "de")).toBe("en");
    expect(preferred("it", "fr")).toBe("en");
  });
  it("in this browser before the account, and is kept", async () => {
    const kept: Record<string, string> = {};
    const page = { documentElement: { lang: "" } };
    const speaker = new Speaker(
      { en: async () => ({ words: "hello" }), de: async () => ({ words: "hallo" }) },
      { getItem: (name) => kept[name] ?? null, setItem: (name, value) => void (kept[name] = value) },
      page,
    );
    const place = { zone: "Europe/Berlin", currency: "EUR" };
    await speaker.begin(place, "de", ["en"]);
    expect([speaker.speech.value?.words, page.documentElement.lang]).toEqual(["hallo", "de"]);
    await speaker.choose("en");
    expect([speaker.speech.value?.words, kept.language, speaker.speech.value?.format.zone]).toEqual(["hello", "en", "Europe/Berlin"]);
    await speaker.begin(place, "de", ["de"]);
    expect(speaker.speech.value?.words).toBe("hello");
    speaker.moved({ zone: "UTC", currency: "CHF" });
    expect(speaker.speech.value?.format.price(100_000)).toBe("10.00 Rp./kWh");
  });
});

/** leaves are all words, by their path. */
function leaves(of: object, path = ""): [string, unknown][] {
  return Object.entries(of).flatMap(([name, value]) => (typeof value === "object" && value !== null && !Array.isArray(value) ? leaves(value, `${path}${name}.`) : [[`${path}${name}`, value] as [string, unknown]]));
}

const all = import.meta.glob<{ words: object }>(["./words/*.ts", "../pages/*/words/{en,de}.ts"], { eager: true });

describe("words", () => {
  it.each(Object.keys(all).filter((path) => path.endsWith("/en.ts")))("of %s are there in both languages, and none is empty", (path) => {
    const [en, de] = [all[path], all[path.replace(/en\.ts$/, "de.ts")]].map((of) => leaves(of?.words ?? {}));
    expect(de?.map(([name]) => name)).toEqual(expect.arrayContaining(en?.map(([name]) => name) ?? []));
    for (const [name, word] of [...(en ?? []), ...(de ?? [])]) if (name !== "limits.setBy.nobody") expect(word, name).not.toBe("");
  });
});
