import { start } from "../../ui/start";
import { App } from "./page";
import { Office } from "./store";
import type { Words } from "./words/en";
import "../../ui/style.css";
import "./operator.css";

/** save has the browser keep a file. */
function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser has it by then
}

void start<Words>({ en: () => import("./words/en"), de: () => import("./words/de") }, (site) => {
  const office = new Office(site.api, save);
  if (site.session.role === "operator") void office.follow();
  return <App site={site} office={office} />;
});
