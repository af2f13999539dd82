import { signal } from "@preact/signals";

/** Key is the key of one role, kept until the tab is closed. Who has signed in with that role needs none. */
export class Key {
  private readonly held;

  constructor(
    readonly role: string,
    private readonly storage: Pick<Storage, "getItem" | "setItem">,
    private readonly signedIn = false,
  ) {
    this.held = signal(storage.getItem(this.name()) ?? "");
  }

  /** value is the key, empty when there is none. */
  get value(): string {
    return this.held.value;
  }

  /** there tells whether what the key opens is open. */
  get there(): boolean {
    return this.signedIn || this.value !== "";
  }

  keep(key: string): void {
    this.held.value = key;
    this.storage.setItem(this.name(), key);
  }

  forget(): void {
    this.keep("");
  }

  private name(): string {
    return `${this.role} key`;
  }
}
