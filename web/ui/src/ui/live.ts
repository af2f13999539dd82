import { signal } from "@preact/signals";
import { frozenAfter, Link, type Message, type Socket } from "./link";
import { type Change, merge, type State } from "./state";

const tickEvery = 500; // ms

/** Live is what the community says, for every page that shows it. */
export class Live {
  readonly state = signal<State | null>(null);
  /** silence is for how many seconds no news came, 0 while they do. */
  readonly silence = signal(0);
  private readonly link: Link;

  constructor(open: () => Socket) {
    this.link = new Link(open, (m) => this.take(m));
  }

  /** start connects, and connects again for as long as the page is there. */
  start(): void {
    this.tick();
    setInterval(() => this.tick(), tickEvery);
    window.addEventListener("online", () => this.link.wake());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.link.wake());
  }

  /** tick is to be called every half second. */
  tick(): void {
    const ms = this.link.tick();
    this.silence.value = ms > frozenAfter ? Math.floor(ms / 1000) : 0;
  }

  private take(m: Message): void {
    if (m.state) this.state.value = m.state;
    const change = changeOf(m);
    if (change && this.state.value) this.state.value = merge(this.state.value, { sums: this.state.value.sums, ...change });
  }
}

/** changeOf is what a message changes of the state, nothing when it is a state itself. */
function changeOf(m: Message): Change | undefined {
  if (m.community) return { ...m.community, sums: m.community.sums };
  if (m.home) return { homes: [m.home.home], trades: m.home.trades };
  return m.delta;
}

/** socket opens the community's WebSocket. */
export function socket(): Socket {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return new WebSocket(`${scheme}://${location.host}/api/v1/ws`);
}
