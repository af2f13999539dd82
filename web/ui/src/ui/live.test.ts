import { beforeEach, describe, expect, it, vi } from "vitest";
import { home } from "./example";
import type { Socket } from "./link";
import { Live } from "./live";
import type { State } from "./state";

let socket: Socket;
let live: Live;

function say(m: object): void {
  socket.onmessage?.call(null as never, { data: JSON.stringify(m) } as MessageEvent);
}

beforeEach(() => {
  vi.useFakeTimers();
  live = new Live(() => (socket = { onopen: null, onmessage: null, onclose: null, send: () => {}, close: () => {} }));
  live.tick();
});

const state = { homes: [home(1)], trades: [], intervals: [], status: { speed: 1 } } as unknown as State;

describe("live", () => {
  it("shows the state, and what changes of it", () => {
    say({ type: "delta", delta: { status: { speed: 2 } } }); // of what nobody has said yet
    expect(live.state.value).toBeNull();
    say({ type: "state", state });
    say({ type: "delta", delta: { status: { speed: 3 }, homes: [home(7)] } });
    expect(live.state.value?.status.speed).toBe(3);
    expect(live.state.value?.homes.map((h) => h.devices[0]?.power)).toEqual([7]);
    say({ type: "pong" });
    say({ type: "something new" });
    expect(live.state.value?.status.speed).toBe(3);
  });
  it("shows what changes of the community and of the own home, and asks for what it missed", () => {
    const sent: string[] = [];
    socket.send = (text) => void sent.push(text as string);
    say({ type: "state", seq: 4, state: { ...state, sums: { homes: 3, import: 5 } } });
    say({ type: "home", seq: 7, after: 3, home: { home: home(9) } });
    expect(live.state.value?.homes.map((h) => h.devices[0]?.power)).toEqual([9]);
    expect(live.state.value?.sums).toEqual({ homes: 3, import: 5 });
    say({ type: "community", seq: 8, after: 4, community: { status: { speed: 6 }, sums: { homes: 4 } } });
    expect([live.state.value?.status.speed, live.state.value?.sums]).toEqual([6, { homes: 4 }]);
    say({ type: "community", seq: 16, after: 12, community: { status: { speed: 9 } } });
    expect(live.state.value?.status.speed).toBe(6);
    expect(sent.filter((text) => text.includes("resync"))).toHaveLength(1);
    say({ type: "state", seq: 16, state });
    say({ type: "community", seq: 20, after: 16, community: { status: { speed: 9 } } });
    expect([live.state.value?.status.speed, live.state.value?.sums]).toEqual([9, undefined]);
  });
  it("tells how long no news came, once that is long", () => {
    say({ type: "state", state });
    const after = (ms: number) => {
      vi.advanceTimersByTime(ms);
      live.tick();
      return live.silence.value;
    };
    expect([after(5000), after(1000), after(1600)]).toEqual([0, 6, 7]);
    say({ type: "delta", delta: { status: { speed: 4 } } });
    expect(after(0)).toBe(0);
  });
  it("has a state of its own", () => {
    say({ type: "state", state });
    expect(new Live(() => socket).state.value).toBeNull();
  });
});
