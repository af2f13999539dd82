// What stands before the pages of a community that shows nothing without a key: the form
// in which it is shown once. A cookie opens the pages from then on.
import { render } from "preact";
import { useState } from "preact/hooks";
import { Api, Failed, said } from "./api";

const again = 10_000; // ms

/** opened shows the form when the community wants a key, and begin is called when it does not, or not any more. */
export async function opened(begin: () => void): Promise<void> {
  const root = document.getElementById("app");
  if (root && (await closed())) render(<Door />, root);
  else begin();
}

/** closed tells whether the community wants a key; one that does not answer is asked by its page, which says so. */
export async function closed(ask: () => Promise<unknown> = () => new Api().call("get", "/api/v1/status", {})): Promise<boolean> {
  try {
    await ask();
    return false;
  } catch (e) {
    return e instanceof Failed && e.status === 401;
  }
}

/** watch looks, while no news come, whether the session is over, and shows the form again then. */
export function watch(silent: () => boolean): void {
  setInterval(() => {
    if (silent()) void closed().then((is) => is && location.reload());
  }, again);
}

function Door() {
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
        <h1>This community's pages open with a key</h1>
        {problem && <p role="alert">{problem}</p>}
        <section>
          <label>
            Key <input name="key" type="password" required autocomplete="off" />
          </label>{" "}
          <button>Go on</button>
          <p>
            The viewer's key is in the file <code>viewer.key</code> in the community's data directory. It opens the pages in this browser for twelve hours.
          </p>
        </section>
      </form>
    </main>
  );
}
