// What the community says, live, for every page that shows it.
import { signal } from "@preact/signals";
import { frozenAfter, Link, type Message } from "./link";
import { merge, type State } from "./state";

export const state = signal<State | null>(null);
/** silence is for how many seconds no news came, 0 while they do. */
export const silence = signal(0);

const tickEvery = 500; // ms

function take(m: Message): void {
  if (m.state) state.value = m.state;
  else if (m.delta && state.value) state.value = merge(state.value, m.delta);
}

export function connect(): void {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const link = new Link(() => new WebSocket(`${scheme}://${location.host}/api/v1/ws`), take);
  const tick = () => {
    const ms = link.tick();
    silence.value = ms > frozenAfter ? Math.floor(ms / 1000) : 0;
  };
  tick();
  setInterval(tick, tickEvery);
  window.addEventListener("online", () => link.wake());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && link.wake());
}
