import { Api } from "../../ui/api";
import { start } from "../../ui/start";
import { App } from "./page";
import { Books } from "./store";
import "../../ui/style.css";

void start({ en: () => import("./words/en"), de: () => import("./words/de") }, (site) => {
  const books = new Books(new Api());
  void books.follow();
  return <App site={site} books={books} />;
});
