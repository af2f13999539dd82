import { Key } from "../../ui/key";
import { start } from "../../ui/start";
import { App } from "./page";
import { Money } from "./store";
import "../../ui/style.css";
import "./money.css";

void start({ en: () => import("./words/en"), de: () => import("./words/de") }, (site) => {
  const key = new Key("operator", sessionStorage, site.session.role === "operator");
  const money = new Money(key, site.api, site.api.as(key), location.hash);
  window.addEventListener("hashchange", () => money.go(location.hash));
  void money.follow();
  return <App site={site} money={money} />;
});
