import { start } from "../../ui/start";
import { App } from "./page";
import { Account, cameOf } from "./store";
import "../../ui/style.css";

void start({ en: () => import("./words/en"), de: () => import("./words/de") }, (site) => {
  const came = cameOf(location.hash);
  if (came) history.replaceState(null, "", location.pathname); // it is said once
  const account = new Account(site.api, site.session.role === "operator", navigator.credentials, came, (to) => location.assign(to));
  if (!site.session.guest) void account.start(); // who has none
  return <App site={site} account={account} />;
});
