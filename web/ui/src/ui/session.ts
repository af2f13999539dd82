import { signal } from "@preact/signals";
import { type Api, Failed, type Schemas } from "./api";

/** SessionInfo is what the community says of the session. */
export type SessionInfo = Schemas["SessionInfo"];
export type Role = NonNullable<SessionInfo["role"]>;

/** Session is who looks at the pages, and what is the same on all of them: zone, currency, language. */
export class Session {
  readonly info = signal<SessionInfo | null>(null);

  constructor(private readonly api: Api) {}

  /** read asks who is signed in; it throws when the community does not answer. */
  async read(): Promise<SessionInfo> {
    const info = await this.api.call("get", "/api/v1/session", {});
    this.info.value = info;
    return info;
  }

  /** role is that of who is signed in, undefined for nobody. */
  get role(): Role | undefined {
    return this.info.value?.role;
  }

  /** member is whose home is the own one; undefined: no home is. */
  get member(): string | undefined {
    return this.info.value?.member;
  }

  /** guest tells whether somebody has signed in to a demonstration by a click: nothing is done that outlives it. */
  get guest(): boolean {
    const info = this.info.value;
    return (info?.demonstration ?? false) && (info?.signed_in ?? false) && !info?.email;
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
