import { start } from "../../ui/start";
import { App } from "./page";
import { Account } from "./store";
import "../../ui/style.css";

void start({ en: () => import("./words/en"), de: () => import("./words/de") }, (site) => {
  const account = new Account(site.api, site.session.role === "operator", navigator.credentials);
  void account.start();
  return <App site={site} account={account} />;
});
