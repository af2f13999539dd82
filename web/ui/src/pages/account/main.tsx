import { start } from "../../ui/start";
import { App } from "./page";
import { Account } from "./store";
import "../../ui/style.css";

void start({ en: () => import("./words/en"), de: () => import("./words/de") }, (site) => {
  const account = new Account(site.api, site.session.role === "operator", navigator.credentials);
  if (!site.session.guest) void account.start(); // who has none
  return <App site={site} account={account} />;
});
