import { type Signal, signal } from "@preact/signals";

/** Choice is the home that is looked at, by its name in the page's address; null: none is named. */
export class Choice {
  readonly home: Signal<string | null>;

  constructor(
    address: Pick<Location, "search">,
    private readonly history: Pick<History, "replaceState">,
  ) {
    this.home = signal(new URLSearchParams(address.search).get("home"));
  }

  choose(id: string): void {
    this.home.value = id;
    this.history.replaceState(null, "", `?home=${encodeURIComponent(id)}`);
  }
}
