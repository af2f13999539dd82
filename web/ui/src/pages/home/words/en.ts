import { ownWords } from "./own_en";

export type Words = typeof words;

/** words are those of this page. */
export const words = { own: ownWords };
