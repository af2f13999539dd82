import type { Speech } from "../../ui/speech";
import type { Words } from "./words/en";

/** Say is what sentences are made with: the words of the page, and how numbers and times are shown. */
export type Say = Pick<Speech<Words>, "words" | "format">;
