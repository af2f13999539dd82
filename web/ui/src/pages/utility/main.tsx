import { render } from "preact";
import { Api } from "../../ui/api";
import { App } from "./page";
import { Books } from "./store";
import "../../ui/style.css";

const books = new Books(new Api());
const root = document.getElementById("app");
if (root) render(<App books={books} />, root);
void books.follow();
