import { beforeEach, describe, expect, it, vi } from "vitest";
import { Link, type Message, type Socket } from "./link";

class Fake implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  sent: string[] = [];
  closed = false;
  ended = false;
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    this.closed = true;
  }
  say(m: object) {
    this.onmessage?.call(null as never, { data: JSON.stringify(m) } as MessageEvent);
  }
  end() {
    if (this.ended) return;
    this.ended = true;
    this.onclose?.call(null as never, {} as CloseEvent);
  }
}

let sockets: Fake[];
let taken: Message[];
let link: Link;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  taken = [];
  link = new Link(
    () => {
      const s = new Fake();
      sockets.push(s);
      return s as unknown as WebSocket;
    },
    (m) => taken.push(m),
  );
  link.tick();
});

/** pass lets so many seconds go by, with news from the last socket or without. */
function pass(seconds: number, news = false): number {
  let silent = 0;
  for (let ms = 0; ms < seconds * 1000; ms += 500) {
    vi.advanceTimersByTime(500);
    if (news) sockets.at(-1)?.say({ type: "delta" });
    silent = link.tick();
  }
  return silent;
}

describe("link", () => {
  it("stays while news come, and pings", () => {
    pass(60, true);
    expect(sockets).toHaveLength(1);
    expect(sockets[0]?.sent).toHaveLength(30);
    expect(sockets[0]?.sent[0]).toBe('{"type":"ping"}');
  });
  it("replaces a frozen socket, whose end does not matter any more", () => {
    pass(3, true);
    expect(pass(7)).toBe(7000);
    expect(sockets).toHaveLength(2);
    expect(sockets[0]?.closed).toBe(true);
    sockets[0]?.end();
    expect(pass(1, true)).toBe(0);
    expect(sockets).toHaveLength(2);
  });
  it("does not take a pong for news", () => {
    sockets[0]?.say({ type: "pong" });
    expect(taken).toHaveLength(0);
    expect(pass(3)).toBe(3000);
  });
  it("comes back more and more slowly after an end", () => {
    for (let n = 0; n < 20; n++) {
      sockets.at(-1)?.end();
      pass(1);
    }
    expect(sockets.length).toBeGreaterThan(3);
    expect(sockets.length).toBeLessThan(8);
  });
  it("comes back at once after the machine slept, and when it is looked at", () => {
    pass(3, true);
    vi.advanceTimersByTime(3_600_000);
    link.tick();
    expect(sockets).toHaveLength(2);
    pass(1, true);
    link.wake();
    expect(sockets).toHaveLength(2);
    vi.advanceTimersByTime(3000);
    link.wake();
    expect(sockets).toHaveLength(3);
    sockets[2]?.end();
    link.wake();
    expect(sockets).toHaveLength(4);
  });
});
