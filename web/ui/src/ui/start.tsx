// How every page begins: who looks, in which language, and then what it shows.
import { type ComponentChildren, render } from "preact";
import { Api, said } from "./api";
import { Door } from "./door";
import { Session, type SessionInfo } from "./session";
import { Speaker, Speaking } from "./speech";
import { Theme } from "./theme";
import type { Loaders } from "./words";

/** Site is what every page has: who looks at it, and how it speaks and looks. */
export interface Site<W = unknown> {
  session: Session;
  speaker: Speaker<W>;
  theme: Theme;
  api: Api;
}

const again = 2000; // ms

/** start shows a page; page is called once, when it is known who looks. Who has to sign in first is shown the door, unless the page is for everybody. */
export async function start<W>(words: Loaders<W>, page: (site: Site<W>) => ComponentChildren, everybody = false): Promise<void> {
  const speaker = new Speaker(words, localStorage, document);
  const api = new Api(undefined, () => speaker.speech.value?.shared.api);
  const site: Site<W> = { api, session: new Session(api), speaker, theme: new Theme(localStorage, document.documentElement) };
  const root = document.getElementById("app");
  if (!root) return;
  const browser = navigator.languages;
  const info = await known(site, browser, root);
  await site.speaker.begin(info, info.email ? info.language : undefined, [...browser, info.language]);
  const shown = everybody || site.session.open ? page(site) : <Door />;
  render(<Speaking speaker={site.speaker}>{shown}</Speaking>, root);
  if ("serviceWorker" in navigator) void navigator.serviceWorker.register("/sw.js").catch(() => {}); // without it there is no page for times without a connection
}

/** known asks until the community says who looks, and says meanwhile that it does not answer. */
async function known<W>(site: Site<W>, browser: readonly string[], root: HTMLElement): Promise<SessionInfo> {
  for (;;) {
    try {
      return await site.session.read();
    } catch (e) {
      await site.speaker.begin({ zone: "UTC", currency: "EUR" }, undefined, browser);
      render(<Speaking speaker={site.speaker}><main class="waiting">{site.speaker.speech.value?.shared.unreachable ?? said(e)}</main></Speaking>, root);
      await new Promise((done) => setTimeout(done, again));
    }
  }
}
