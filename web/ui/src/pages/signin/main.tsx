import { firstFor } from "../../ui/pages";
import { start } from "../../ui/start";
import { App } from "./page";
import { linkOf, SignIn } from "./store";
import "../../ui/style.css";

void start(
  { en: () => import("./words/en"), de: () => import("./words/de") },
  (site) => {
    const link = linkOf(location.hash);
    const signIn = new SignIn(site.api, site.session, link, navigator.credentials, (to) => location.assign(to), () => firstFor(site.session) ?? "/account.html");
    history.replaceState(null, "", location.pathname); // a secret does not stay in the address
    void signIn.start();
    return <App site={site} signIn={signIn} />;
  },
  true,
);
