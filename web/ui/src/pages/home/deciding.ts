// What the owner of the home decides: what to be told and how, and what others may do; and what the devices told.
import { signal } from "@preact/signals";
import { type Api, said, type Schemas } from "../../ui/api";

export type Notices = Schemas["NoticeSettings"];
export type NoticeRequest = Schemas["NoticeRequest"];
export type Consent = Schemas["HomeConsent"];
export type Readings = Schemas["HomeReadings"];

/** Pushes is what a browser has to do with push messages; undefined where it cannot be told anything. */
export interface Pushes {
  subscribe(key: Uint8Array): Promise<PushSubscriptionJSON>;
}

/** bytes are those of a text in base64url. */
export function bytes(text: string): Uint8Array {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

/** request is what is chosen when one kind is turned on or off by a channel. */
export function request(n: Notices, kind: string, channel: "email" | "push", on: boolean, bounds: { below?: number; above?: number }): NoticeRequest {
  const kinds = n.kinds.map((k) => ({ kind: k.kind, email: k.email, push: k.push, ...(k.kind === kind ? { [channel]: on } : {}) }));
  return { kinds, ...bounds };
}

/** pushes returns what this browser can do; a page without a service worker, or asked by plain http from elsewhere, cannot. */
export function pushes(): Pushes | undefined {
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) return undefined;
  return {
    async subscribe(key) {
      const worker = await navigator.serviceWorker.ready;
      const s = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key as BufferSource });
      return s.toJSON();
    },
  };
}

export class Deciding {
  readonly notices = signal<Notices | null>(null);
  readonly consent = signal<Consent | null>(null);
  readonly readings = signal<Readings | null>(null);
  readonly failed = signal("");
  private home = "";

  constructor(
    private readonly api: Api,
    readonly pushes: Pushes | undefined,
  ) {}

  /** look reads what is decided for a home; owner tells whether who looks owns it and may decide. */
  look(home: string, owner: boolean): void {
    if (home === this.home) return;
    this.home = home;
    this.notices.value = this.consent.value = this.readings.value = null;
    this.failed.value = "";
    const consent = this.api.call("get", "/api/v1/homes/{home}/consent", { at: { home } }).then((c) => home === this.home && (this.consent.value = c));
    const notices = owner ? this.api.call("get", "/api/v1/account/notices", {}).then((n) => home === this.home && (this.notices.value = n)) : undefined;
    void Promise.all([consent, notices]).catch((e: unknown) => home === this.home && (this.failed.value = said(e)));
  }

  /** choose sets what is told; it throws why that is refused. */
  async choose(body: NoticeRequest): Promise<void> {
    this.notices.value = await this.api.call("put", "/api/v1/account/notices", { body });
  }

  /** subscribe has this browser told as well. */
  async subscribe(): Promise<void> {
    const n = this.notices.value;
    if (!n || !this.pushes) return;
    const s = await this.pushes.subscribe(bytes(n.push_key));
    await this.api.call("post", "/api/v1/account/push", { body: { endpoint: s.endpoint ?? "", p256dh: s.keys?.p256dh ?? "", auth: s.keys?.auth ?? "" } });
    this.notices.value = await this.api.call("get", "/api/v1/account/notices", {});
  }

  /** allow decides about one use. */
  async allow(use: string, allowed: boolean): Promise<void> {
    this.consent.value = await this.api.call("put", "/api/v1/homes/{home}/consent", { at: { home: this.home }, body: { [use]: allowed } });
  }

  /** read asks what a device told in the minutes up to now. */
  async read(device: string, minutes: number): Promise<void> {
    const home = this.home;
    const readings = await this.api.call("get", "/api/v1/homes/{home}/devices/{device}/readings", { at: { home, device }, query: { minutes } });
    if (home === this.home) this.readings.value = readings;
  }

  /** batch is where the signed batch of a reading comes as a file. */
  batch(digest: string): string {
    return `/api/v1/homes/${encodeURIComponent(this.home)}/batches/${encodeURIComponent(digest)}`;
  }
}
