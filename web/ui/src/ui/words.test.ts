import { describe, expect, it } from "vitest";
import { Speaker } from "./speech";
import { preferred } from "./words";
import { words as de } from "./words/de";
import { words as en } from "./words/en";

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

describe("words", () => {
  it("are all there in both languages, and none is empty", () => {
    expect(leaves(de).map(([path]) => path)).toEqual(leaves(en).map(([path]) => path));
    for (const [path, word] of [...leaves(en), ...leaves(de)]) expect(word, path).not.toBe("");
  });
});
