// Signing in: by what, and what became of it.
import { signal } from "@preact/signals";
import { type Api, Failed, type Schemas, said } from "../../ui/api";
import type { Session } from "../../ui/session";

export type Person = Schemas["Role"];
export type Invitation = Schemas["Invitation"];

/** Link is by what somebody has come: the part of the address behind #, which the browser sends to nobody. */
export interface Link {
  kind: "first" | "invitation" | "recovery" | "refused";
  secret: string;
}

/** linkOf reads a link; what is none is undefined. */
export function linkOf(hash: string): Link | undefined {
  const [, kind, secret = ""] = /^#(first|invitation|recovery|refused)(?:=([A-Za-z0-9_-]+))?$/.exec(hash) ?? [];
  if (!kind || (kind !== "refused" && secret === "")) return undefined;
  return { kind: kind as Link["kind"], secret };
}

/** Problem is what went wrong: what is known by its kind, or what the community said. */
export type Problem = { kind: "wrong" | "gone" | "refused" } | { kind: "wait"; seconds: number } | { kind: "field"; field: string; text: string } | { kind: "said"; text: string };

/** problemOf reads what was thrown; of a link gone says that it is good no more. */
export function problemOf(e: unknown, link: boolean): Problem {
  const text = said(e);
  if (!(e instanceof Failed)) return { kind: "said", text };
  if (e.status === 401) return { kind: link ? "gone" : "wrong" };
  const wait = /try again in (\d+) s/.exec(text);
  if (e.status === 429 && wait) return { kind: "wait", seconds: Number(wait[1]) };
  const field = /^(email|name|password): (.*)$/.exec(text);
  return field?.[1] && field[2] ? { kind: "field", field: field[1], text: field[2] } : { kind: "said", text };
}

/** credential asks the browser for a passkey; tests put another in its place. */
export type Browser = Pick<CredentialsContainer, "get">;

export class SignIn {
  readonly problem = signal<Problem | null>(null);
  readonly busy = signal(false);
  readonly invitation = signal<Invitation | null>(null);
  /** asked tells that a link to a new password was asked for. */
  readonly asked = signal(false);

  constructor(
    private readonly api: Api,
    readonly session: Session,
    readonly link: Link | undefined,
    private readonly browser: Browser,
    private readonly go: (to: string) => void,
    private readonly home: () => string,
  ) {
    if (link?.kind === "refused") this.problem.value = { kind: "refused" };
  }

  /** start looks whom an invitation is for. */
  async start(): Promise<void> {
    const { link } = this;
    if (link?.kind !== "invitation") return;
    await this.doing(async () => {
      this.invitation.value = await this.api.call("get", "/api/v1/invitations/{token}", { at: { token: link.secret } });
    });
  }

  password(email: string, password: string): Promise<void> {
    return this.entering(() => this.api.call("post", "/api/v1/session", { body: { email, password } }));
  }

  key(key: string): Promise<void> {
    return this.entering(() => this.api.call("post", "/api/v1/session", { body: { key } }));
  }

  demonstration(role: Person): Promise<void> {
    return this.entering(() => this.api.call("post", "/api/v1/session/demonstration", { body: { role } }));
  }

  first(email: string, name: string, password: string): Promise<void> {
    return this.entering(() => this.api.call("post", "/api/v1/session/first", { body: { token: this.link?.secret ?? "", email, name, password } }));
  }

  accept(email: string, name: string, password: string, language: Schemas["Language"]): Promise<void> {
    const body = { password, language, ...(email && { email }), ...(name && { name }) };
    return this.entering(() => this.api.call("post", "/api/v1/invitations/{token}", { at: { token: this.link?.secret ?? "" }, body }));
  }

  /** recovered sets a new password by a link; alone takes away all else that opens the account. What does still is shown next. */
  recovered(password: string, alone: boolean): Promise<void> {
    return this.entering(() => this.api.call("post", "/api/v1/recovery/{token}", { at: { token: this.link?.secret ?? "" }, body: { password, alone } }), "/account.html#recovered");
  }

  /** forgotten asks for a link to a new password. */
  forgotten(email: string): Promise<void> {
    return this.doing(async () => {
      await this.api.call("post", "/api/v1/recovery", { body: { email } });
      this.asked.value = true;
    });
  }

  /** passkey has the browser ask its owner for a passkey. */
  passkey(): Promise<void> {
    return this.entering(async () => {
      const { id, options } = await this.api.call("post", "/api/v1/session/passkey/begin", {});
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as unknown as PublicKeyCredentialRequestOptionsJSON);
      const answer = (await this.browser.get({ publicKey })) as PublicKeyCredential | null;
      if (!answer) throw new Failed("No passkey was chosen.");
      await this.api.call("post", "/api/v1/session/passkey/finish", { body: { id, credential: answer.toJSON() as Record<string, unknown> } });
    });
  }

  /** elsewhere goes to the service that keeps accounts. */
  elsewhere(): Promise<void> {
    return this.doing(async () => this.go((await this.api.call("post", "/api/v1/session/oidc/begin", {})).location));
  }

  signOut(): Promise<void> {
    return this.doing(async () => {
      await this.session.signOut();
      await this.session.read();
    });
  }

  private entering(enter: () => Promise<unknown>, to?: string): Promise<void> {
    return this.doing(async () => {
      await enter();
      await this.session.read();
      this.go(to ?? this.home());
    });
  }

  private async doing(what: () => Promise<void>): Promise<void> {
    if (this.busy.value) return;
    this.busy.value = true;
    this.problem.value = null;
    try {
      await what();
    } catch (e) {
      this.problem.value = problemOf(e, this.link !== undefined && this.link.kind !== "refused");
    } finally {
      this.busy.value = false;
    }
  }
}
