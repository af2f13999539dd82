// One socket that knows when it is dead, and is replaced then. A frozen
// connection does not close by itself: that no news come is all that shows it.
import type { Schemas } from "./api";
import { Sequence } from "./sequence";

export type Message = Schemas["LiveMessage"];
type PageMessage = Schemas["PageMessage"];

/** Socket is what is used of a WebSocket. */
export type Socket = Pick<WebSocket, "send" | "close" | "onopen" | "onmessage" | "onclose">;

// In ms of wall time.
const pingEvery = 2000;
const firstRetry = 500;
const lastRetry = 10_000;
/** frozenAfter is how long news may be out before the connection counts as frozen; they come four times a second. */
export const frozenAfter = 5000;

export class Link {
  private socket: Socket | null = null;
  private news = Date.now(); // when the last came, at first when the wait began
  private opened = 0; // when the socket was
  private pinged = 0; // when the last ping was sent
  private retry = firstRetry;
  private retryAt = 0;

  constructor(
    private readonly open: () => Socket,
    private readonly take: (m: Message) => void,
  ) {}

  /**
   * tick is to be called about twice a second; it replaces a socket that closed
   * or froze and tells for how long no news came, in ms. The first one after the
   * machine slept finds the news old, and replaces the socket at once.
   */
  tick(): number {
    const now = Date.now();
    if (this.socket ? this.quiet(now) > frozenAfter : now >= this.retryAt) this.renew();
    return now - this.news;
  }

  /** wake is to be called when the page is looked at, or the network is there again. */
  wake(): void {
    if (!this.socket || this.quiet(Date.now()) > pingEvery) this.renew();
  }

  /** quiet is for how long the socket has said nothing new. */
  private quiet(now: number): number {
    return now - Math.max(this.news, this.opened);
  }

  private renew(): void {
    if (this.socket) {
      this.socket.onopen = this.socket.onmessage = this.socket.onclose = null; // a frozen one may close minutes later
      this.socket.close();
    }
    const socket = this.open();
    const sequence = new Sequence();
    this.socket = socket;
    this.opened = Date.now();
    socket.onopen = () => this.ping(socket);
    socket.onmessage = (event) => this.hear(socket, sequence, JSON.parse(event.data as string) as Message);
    socket.onclose = () => {
      this.socket = null;
      this.retryAt = Date.now() + this.retry;
      this.retry = Math.min(this.retry * 2, lastRetry);
    };
  }

  /** hear takes a message, and answers that the page is there: a timer would be slow in a page that nobody looks at. */
  private hear(socket: Socket, sequence: Sequence, m: Message): void {
    if (Date.now() - this.pinged >= pingEvery) this.ping(socket);
    if (m.type === "pong") return;
    this.news = Date.now();
    this.retry = firstRetry;
    if (sequence.follows(m)) this.take(m);
    else this.send(socket, { type: "resync" });
  }

  private ping(socket: Socket): void {
    this.pinged = Date.now();
    this.send(socket, { type: "ping" });
  }

  private send(socket: Socket, m: PageMessage): void {
    socket.send(JSON.stringify(m));
  }
}
