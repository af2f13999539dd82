import { render } from "preact";
import { opened, watch } from "../../ui/door";
import { Live, socket } from "../../ui/live";
import { App } from "./page";
import { Choice } from "./choice";
import "../../ui/style.css";

const live = new Live(socket);
const choice = new Choice(location, history);
const root = document.getElementById("app");
void opened(() => {
  if (root) render(<App live={live} choice={choice} />, root);
  live.start();
  watch(() => live.silence.value > 0);
});
