// The connection to the community: a WebSocket that comes back by itself.
import { signal } from "@preact/signals";
import { type Delta, merge, type State } from "./state";

export const state = signal<State | null>(null);
/** lost is since when the connection is gone, null while it stands. */
export const lost = signal<number | null>(null);

type Message = { type: "state"; state: State } | { type: "delta"; delta: Delta };

const firstRetry = 500;
const lastRetry = 10_000;

export function connect(retry = firstRetry): void {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/api/v1/ws`);
  let next = retry;
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data as string) as Message;
    next = firstRetry;
    lost.value = null;
    if (message.type === "state") state.value = message.state;
    else if (state.value) state.value = merge(state.value, message.delta);
  };
  socket.onclose = () => {
    lost.value ??= Date.now();
    setTimeout(() => connect(Math.min(next * 2, lastRetry)), next);
  };
}
