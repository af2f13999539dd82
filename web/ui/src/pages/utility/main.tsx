import { render } from "preact";
import { Api } from "../../ui/api";
import { opened } from "../../ui/door";
import { App } from "./page";
import { Books } from "./store";
import "../../ui/style.css";

const books = new Books(new Api());
const root = document.getElementById("app");
void opened(() => {
  if (root) render(<App books={books} />, root);
  void books.follow();
});
