import { watch } from "../../ui/door";
import { Key } from "../../ui/key";
import { Live, socket } from "../../ui/live";
import { firstFor } from "../../ui/pages";
import { start } from "../../ui/start";
import { Choice } from "./choice";
import { Deciding, pushes } from "./deciding";
import { App } from "./page";
import { Past } from "./past";
import { Plans } from "./plans";
import { Purse } from "./purse";
import { Reason } from "./reason";
import "../../ui/style.css";

void start({ en: () => import("./words/en"), de: () => import("./words/de") }, (site) => {
  const first = firstFor(site.session);
  if (first && first !== location.pathname) {
    location.replace(first); // who has no home here is not to see one, and asks for none
    return null;
  }
  const live = new Live(socket);
  const choice = new Choice(location, history);
  const purse = new Purse(site.api);
  const key = new Key("homeowner", sessionStorage);
  const plans = new Plans(site.api, site.api.as(key), key);
  const past = new Past(site.api);
  const deciding = new Deciding(site.api, pushes());
  live.start();
  void purse.follow();
  watch(site.session, () => live.silence.value > 0);
  return <App site={site} live={live} choice={choice} purse={purse} plans={plans} past={past} reason={new Reason(site.api)} deciding={deciding} />;
});
