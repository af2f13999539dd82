import { Api } from "../../ui/api";
import { Key } from "../../ui/key";
import { start } from "../../ui/start";
import { App } from "./page";
import { Installer } from "./store";
import "../../ui/style.css";

void start({ en: () => import("./words/en"), de: () => import("./words/de") }, (site) => {
  const key = new Key("installer", sessionStorage, site.session.role === "installer");
  const installer = new Installer(key, new Api(key));
  installer.start();
  return <App site={site} installer={installer} />;
});
