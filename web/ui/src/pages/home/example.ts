// The languages of the tests.
import { Format } from "../../ui/format";
import { words as sharedDe } from "../../ui/words/de";
import { words as sharedEn } from "../../ui/words/en";
import type { Say } from "./say";
import { words as de } from "./words/de";
import { words as en } from "./words/en";

export const english: Say = inEnglish("EUR");
export const german: Say = { words: de, format: new Format("de", "UTC", "EUR", sharedDe.units) };

/** inEnglish is English with another currency or zone. */
export function inEnglish(currency: string, zone = "UTC"): Say {
  return { words: en, format: new Format("en", zone, currency, sharedEn.units) };
}
