import { signal } from "@preact/signals";
import { said } from "../../ui/api";

/** long is how long an answer may take that makes or reads the bills of a year, in ms. */
export const long = { within: 20 * 60_000 };

/** Question is what is asked before something is done that cannot be taken back. */
export interface Question {
  text: string;
  yes: string; // what the button says
  act: () => Promise<void>;
}

/** Work is what the page does for its operator right now, what came of it, and what it asks first. */
export class Work {
  readonly busy = signal("");
  readonly problem = signal("");
  readonly done = signal("");
  readonly question = signal<Question | null>(null);

  /** doing waits for the community, and tells what went wrong. */
  async doing(what: string, work: () => Promise<void>): Promise<void> {
    this.busy.value = what;
    this.problem.value = this.done.value = "";
    try {
      await work();
    } catch (e) {
      this.problem.value = said(e);
    }
    this.busy.value = "";
  }

  ask(question: Question): void {
    this.question.value = question;
  }

  /** answer does what was asked about, or does not. */
  async answer(yes: boolean): Promise<void> {
    const q = this.question.value;
    this.question.value = null;
    if (yes && q) await q.act();
  }
}

/** save has the browser keep a file. */
export function save(name: string, file: Blob): void {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(file);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
}
