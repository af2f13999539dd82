import { render } from "preact";
import { Api } from "../../ui/api";
import { opened, watch } from "../../ui/door";
import { Live, socket } from "../../ui/live";
import { App } from "./page";
import { Choice } from "./choice";
import { Purse } from "./purse";
import "../../ui/style.css";

const live = new Live(socket);
const choice = new Choice(location, history);
const purse = new Purse(new Api());
const root = document.getElementById("app");
void opened(() => {
  if (root) render(<App live={live} choice={choice} purse={purse} />, root);
  live.start();
  void purse.follow();
  watch(() => live.silence.value > 0);
});
