// Whether a message of the live socket follows what was heard before it.
import type { Message } from "./link";

export class Sequence {
  private state = -1;
  private readonly last = new Map<string, number>(); // by type

  /** follows tells whether nothing is missing before a message, and remembers it if so. */
  follows(m: Message): boolean {
    if (m.seq === undefined) return true;
    if (m.type === "state") this.state = m.seq;
    else if ((m.after ?? 0) > Math.max(this.state, this.last.get(m.type) ?? -1)) return false;
    else this.last.set(m.type, m.seq);
    return true;
  }
}
