import { ownWords } from "./own_de";
import type { Words } from "./en";

export const words: Words = { own: ownWords };
