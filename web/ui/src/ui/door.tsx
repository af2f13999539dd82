// What stands before the pages of a community that shows nothing without a key: the form
// in which it is shown once. A cookie opens the pages from then on.
import { useState } from "preact/hooks";
import { Api, said } from "./api";
import type { Session } from "./session";
import { useSpeech } from "./speech";

const again = 10_000; // ms

/** watch looks, while no news come, whether the session is over, and shows the door then. */
export function watch(session: Session, silent: () => boolean): void {
  setInterval(() => {
    if (silent()) void session.read().then(() => session.open || location.reload(), () => {}); // who does not answer says nothing of a session
  }, again);
}

/** Door asks for the key. */
export function Door() {
  const { door } = useSpeech().shared;
  const [problem, say] = useState("");
  const show = async (key: string) => {
    try {
      await new Api().call("post", "/api/v1/session", { body: { key } });
      location.reload();
    } catch (e) {
      say(said(e));
    }
  };
  return (
    <main>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void show(String(new FormData(e.currentTarget).get("key")).trim());
        }}
      >
        <h1>{door.title}</h1>
        {problem && <p role="alert">{problem}</p>}
        <section>
          <label>
            {door.key} <input name="key" type="password" required autocomplete="off" />
          </label>{" "}
          <button>{door.go}</button>
          <p>{door.hint}</p>
        </section>
      </form>
    </main>
  );
}
