import { render } from "preact";
import { Api } from "../../ui/api";
import { opened, watch } from "../../ui/door";
import { Live, socket } from "../../ui/live";
import { Key } from "../../ui/key";
import { App } from "./page";
import { Choice } from "./choice";
import { Plans } from "./plans";
import { Purse } from "./purse";
import "../../ui/style.css";

const live = new Live(socket);
const choice = new Choice(location, history);
const purse = new Purse(new Api());
const key = new Key("homeowner", sessionStorage);
const plans = new Plans(new Api(), new Api(key), key);
const root = document.getElementById("app");
void opened(() => {
  if (root) render(<App live={live} choice={choice} purse={purse} plans={plans} />, root);
  live.start();
  void purse.follow();
  watch(() => live.silence.value > 0);
});
