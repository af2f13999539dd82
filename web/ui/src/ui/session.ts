import { signal } from "@preact/signals";
import { type Api, Failed } from "./api";

export type Role = "homeowner" | "installer" | "utility" | "researcher" | "operator" | "viewer" | "agent";

/** SessionInfo is what the community says of the session. */
export interface SessionInfo {
  signed_in: boolean;
  demonstration: boolean;
  role?: Role;
  name?: string;
  member?: string;
  display_name: string;
  zone: string;
  currency: string;
  language?: string;
}

/** Session is who looks at the pages, and what is the same on all of them: zone, currency, language. */
export class Session {
  readonly info = signal<SessionInfo | null>(null);

  constructor(private readonly api: Api) {}

  /** read asks who is signed in; it throws when the community does not answer. */
  async read(): Promise<SessionInfo> {
    const info = await this.asked();
    this.info.value = info;
    return info;
  }

  private async asked(): Promise<SessionInfo> {
    const nobody = { signed_in: false, demonstration: false, display_name: "Commonwatt", zone: "UTC", currency: "EUR" };
    try {
      const { zone, currency } = await this.api.call("get", "/api/v1/tariffs", {});
      return { ...nobody, demonstration: true, zone, currency };
    } catch (e) {
      if (e instanceof Failed && e.status === 401) return nobody;
      throw e;
    }
  }

  /** role is that of who is signed in, undefined for nobody. */
  get role(): Role | undefined {
    return this.info.value?.role;
  }

  /** member is whose home is the own one; undefined: no home is. */
  get member(): string | undefined {
    return this.info.value?.member;
  }

  /** open tells whether the pages show anything: to who is signed in, and to everybody in a demonstration. */
  get open(): boolean {
    const info = this.info.value;
    return !info || info.signed_in || info.demonstration;
  }

  /** may tells whether who looks has one of the roles; in a demonstration whoever looks may look at all pages. */
  may(...roles: Role[]): boolean {
    const info = this.info.value;
    if (!info?.signed_in) return info?.demonstration ?? false;
    return info.role !== undefined && roles.includes(info.role);
  }

  /** signOut ends the session; one that is over already is none to end. */
  async signOut(): Promise<void> {
    await this.api.call("delete", "/api/v1/session", {}).catch((e: unknown) => {
      if (!(e instanceof Failed) || e.status !== 401) throw e;
    });
  }
}
