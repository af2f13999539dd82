export type Words = typeof words;

/** words are those of this page. */
export const words = {};
