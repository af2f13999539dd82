import { start } from "../../ui/start";
import { Allowed } from "./allowed";
import { Lab } from "./lab";
import { App } from "./page";
import type { Words } from "./words/en";
import "../../ui/style.css";
import "./researcher.css";

void start<Words>({ en: () => import("./words/en"), de: () => import("./words/de") }, (site) => {
  const lab = new Lab(site.api);
  const allowed = new Allowed(site.api);
  void lab.follow();
  return <App site={site} lab={lab} allowed={allowed} />;
});
