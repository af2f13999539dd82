import { signal } from "@preact/signals";

/** Look is the colours that somebody chose; auto are those of the device. */
export type Look = "auto" | "light" | "dark";

export const looks: Look[] = ["auto", "light", "dark"];

const name = "theme";

/** Theme is the look of the pages in this browser. public/theme.js shows it before anything is drawn. */
export class Theme {
  readonly look;

  constructor(
    private readonly storage: Pick<Storage, "getItem" | "setItem">,
    private readonly root: { dataset: DOMStringMap },
  ) {
    this.look = signal<Look>(looks.find((l) => l === storage.getItem(name)) ?? "auto");
  }

  choose(look: Look): void {
    this.look.value = look;
    this.storage.setItem(name, look);
    if (look === "auto") delete this.root.dataset.theme;
    else this.root.dataset.theme = look;
  }
}
