// What stands before the pages of a community that shows nothing to who has not signed in.
import { useEffect } from "preact/hooks";
import type { Session } from "./session";
import { useSpeech } from "./speech";

const again = 10_000; // ms

/** watch looks, while no news come, whether the session is over, and shows the door then. */
export function watch(session: Session, silent: () => boolean): void {
  setInterval(() => {
    if (silent()) void session.read().then(() => session.open || location.reload(), () => {}); // who does not answer says nothing of a session
  }, again);
}

/** Door sends who has to sign in to where that is done. */
export function Door() {
  const { menu } = useSpeech().shared;
  useEffect(() => location.replace("/signin.html"), []);
  return (
    <main class="waiting">
      <a href="/signin.html">{menu.signIn}</a>
    </main>
  );
}
