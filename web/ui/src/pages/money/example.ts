// How amounts are said in tests.
import { Format } from "../../ui/format";
import { words as shared } from "../../ui/words/en";
import { words as teilt } from "../../ui/words/de";
import { Sums } from "./format";
import { words as german } from "./words/de";
import { words } from "./words/en";

/** english and deutsch say amounts in euros, in UTC where no zone is named. */
export const english = new Sums(new Format("en", "UTC", "EUR", shared.units), words);
export const deutsch = new Sums(new Format("de", "UTC", "EUR", teilt.units), german);
