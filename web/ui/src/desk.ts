// The pairing desk of the community, over its API. The key is kept until the tab is
// closed.
import { signal } from "@preact/signals";
import type { components } from "./api.gen";

type Schemas = components["schemas"];
export type Device = Schemas["PairedDevice"];
export type Finding = Schemas["Finding"];
export type Gateway = Schemas["GatewayStatus"];
export type Kind = NonNullable<Schemas["PairingRequest"]["kind"]>;
export type Live = Schemas["LiveValues"];
export type Load = Schemas["SignCheck"]["load"];
export type Profile = Schemas["DeviceProfile"];
export type Session = Schemas["PairingSession"];

const kept = "installer key";
export const key = signal(sessionStorage.getItem(kept) ?? "");

export function keep(k: string): void {
  key.value = k;
  sessionStorage.setItem(kept, k);
}

// Refused says why the desk did not do what it was asked.
export class Refused extends Error {}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`/api/v1/pairing/${path}`, {
    method,
    headers: { Authorization: `Bearer ${key.value}`, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.status === 401) {
    keep("");
    throw new Refused("That is not the installer's key of this community.");
  }
  if (!answer.ok) {
    const problem = (await answer.json().catch(() => ({}))) as Partial<Schemas["Problem"]>;
    throw new Refused(problem.error ?? `${answer.status} ${answer.statusText}`);
  }
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

export const desk = {
  devices: () => call<Device[]>("GET", "devices"),
  profiles: () => call<Profile[]>("GET", "profiles"),
  gateways: async () => ((await (await fetch("/api/v1/status")).json()) as Schemas["Status"]).gateways ?? [],
  sessions: () => call<Session[]>("GET", "sessions"),
  discover: (places: string) => call<Finding[]>("POST", "discover", { places }),
  begin: (what: Schemas["PairingRequest"]) => call<Session>("POST", "sessions", what),
  end: (s: Session) => call<void>("DELETE", `sessions/${s.id}`),
  measure: (s: Session) => call<{ session: Session; live: Live }>("POST", `sessions/${s.id}/measure`),
  sign: (s: Session, load: Load) => call<Session>("POST", `sessions/${s.id}/sign`, { load }),
  bind: (s: Session, to: Schemas["BindRequest"]) => call<Session>("POST", `sessions/${s.id}/bind`, to),
  watch: (s: Session, seconds: number) => call<Session>("POST", `sessions/${s.id}/watch`, { seconds }),
};
