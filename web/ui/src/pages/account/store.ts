// The own account, and, for operators, those of the others.
import { signal } from "@preact/signals";
import { type Api, Failed, type Schemas, said } from "../../ui/api";

export type Own = Schemas["OwnAccount"];
export type Scope = Schemas["KeyScope"];
export type Everybody = Schemas["Accounts"];
export type Invited = Schemas["Invited"];
export type Entry = Schemas["AuditEntry"];
export type Person = Schemas["Role"];

/** Browser is what makes passkeys; tests put another in its place. */
export type Browser = Pick<CredentialsContainer, "create">;

/** Came is from where somebody has come, as the part of the address behind # says: with a new password by a link, or from another service. */
export type Came = "recovered" | "bound" | "not-bound";

/** cameOf reads from where somebody has come. */
export function cameOf(hash: string): Came | undefined {
  return (["recovered", "bound", "not-bound"] as const).find((one) => hash === `#${one}`);
}

/** Told is a secret that is shown once: a key, or a link with its QR code. */
export type Told = { kind: "key"; key: string } | { kind: "link"; link: Invited };

/** whose says, beside a name that two people may share, whose an entry is: by e-mail address, as long as there is the account. */
export function whose(e: Entry, all: Everybody["accounts"]): string {
  return all.find((a) => a.id === e.account)?.email ?? e.account;
}

export class Account {
  readonly own = signal<Own | null>(null);
  readonly everybody = signal<Everybody | null>(null);
  readonly log = signal<Entry[]>([]);
  readonly told = signal<Told | null>(null);
  readonly problem = signal("");
  readonly done = signal("");
  readonly busy = signal(false);

  constructor(
    private readonly api: Api,
    readonly operates: boolean,
    private readonly browser: Browser,
    readonly came: Came | undefined,
    private readonly go: (to: string) => void,
  ) {}

  start(): Promise<void> {
    return this.doing("", () => Promise.resolve());
  }

  save(name: string, language: Schemas["Language"], done: string): Promise<void> {
    return this.doing(done, () => this.api.call("put", "/api/v1/account", { body: { name, language } }));
  }

  /** password changes it; alone takes away all else that opens the account. */
  password(before: string, password: string, alone: boolean, done: string): Promise<void> {
    return this.doing(done, () => this.api.call("post", "/api/v1/account/password", { body: { before, password, alone } }));
  }

  endSession(id: string): Promise<void> {
    return this.doing("", () => this.api.call("delete", "/api/v1/account/sessions/{id}", { at: { id } }));
  }

  endOthers(): Promise<void> {
    return this.doing("", () => this.api.call("delete", "/api/v1/account/sessions", {}));
  }

  /** addPasskey has the browser make a passkey. */
  addPasskey(name: string): Promise<void> {
    return this.doing("", async () => {
      const { id, options } = await this.api.call("post", "/api/v1/account/passkeys/begin", {});
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as unknown as PublicKeyCredentialCreationOptionsJSON);
      const made = (await this.browser.create({ publicKey })) as PublicKeyCredential | null;
      if (!made) throw new Failed("No passkey was made.");
      await this.api.call("post", "/api/v1/account/passkeys", { body: { id, name, credential: made.toJSON() as Record<string, unknown> } });
    });
  }

  removePasskey(id: string): Promise<void> {
    return this.doing("", () => this.api.call("delete", "/api/v1/account/passkeys/{id}", { at: { id } }));
  }

  /** elsewhere goes to the service whose account is to be bound to this one. */
  elsewhere(): Promise<void> {
    return this.trying(async () => this.go((await this.api.call("post", "/api/v1/account/oidc/begin", {})).location));
  }

  removeIdentity(id: string): Promise<void> {
    return this.doing("", () => this.api.call("delete", "/api/v1/account/identities/{id}", { at: { id } }));
  }

  makeKey(name: string, member: string, scopes: Scope[], days: number): Promise<void> {
    return this.doing("", async () => {
      const { key } = await this.api.call("post", "/api/v1/account/keys", { body: { name, scopes, days, ...(member && { member }) } });
      this.told.value = { kind: "key", key };
    });
  }

  removeKey(id: string): Promise<void> {
    return this.doing("", () => this.api.call("delete", "/api/v1/account/keys/{id}", { at: { id } }));
  }

  invite(role: Person, member: string, email: string, name: string): Promise<void> {
    return this.doing("", async () => {
      const link = await this.api.call("post", "/api/v1/accounts", { body: { role, ...(member && { member }), ...(email && { email }), ...(name && { name }) } });
      this.told.value = { kind: "link", link };
    });
  }

  withdraw(token: string): Promise<void> {
    return this.doing("", () => this.api.call("delete", "/api/v1/invitations/{token}", { at: { token } }));
  }

  entitle(id: string, role: Person, member: string, done: string): Promise<void> {
    return this.doing(done, () => this.api.call("put", "/api/v1/accounts/{id}", { at: { id }, body: { role, ...(member && { member }) } }));
  }

  link(id: string): Promise<void> {
    return this.doing("", async () => {
      this.told.value = { kind: "link", link: await this.api.call("post", "/api/v1/accounts/{id}/link", { at: { id } }) };
    });
  }

  remove(id: string): Promise<void> {
    return this.doing("", () => this.api.call("delete", "/api/v1/accounts/{id}", { at: { id } }));
  }

  unlock(done: string): Promise<void> {
    return this.doing(done, () => this.api.call("delete", "/api/v1/tries", {}));
  }

  /** older shows what was done before. */
  older(): Promise<void> {
    const last = this.log.value.at(-1)?.number;
    return this.trying(async () => {
      this.log.value = [...this.log.value, ...(await this.api.call("get", "/api/v1/audit", { query: { before: last } })).entries];
    });
  }

  private doing(done: string, what: () => Promise<unknown>): Promise<void> {
    this.told.value = null;
    return this.trying(async () => {
      await what();
      await this.read();
      this.done.value = done;
    });
  }

  private async read(): Promise<void> {
    this.own.value = await this.api.call("get", "/api/v1/account", {});
    if (!this.operates) return;
    this.everybody.value = await this.api.call("get", "/api/v1/accounts", {});
    this.log.value = (await this.api.call("get", "/api/v1/audit", {})).entries;
  }

  private async trying(what: () => Promise<void>): Promise<void> {
    if (this.busy.value) return;
    this.busy.value = true;
    this.problem.value = this.done.value = "";
    try {
      await what();
    } catch (e) {
      this.problem.value = said(e);
    } finally {
      this.busy.value = false;
    }
  }
}
