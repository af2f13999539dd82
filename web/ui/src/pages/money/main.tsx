import { Key } from "../../ui/key";
import type { Speaker } from "../../ui/speech";
import { start } from "../../ui/start";
import { Sums } from "./format";
import { App } from "./page";
import { Money } from "./store";
import type { Words } from "./words/en";
import "../../ui/style.css";
import "./money.css";

/** spoken is how the page says amounts in the language that it speaks now. */
function spoken(speaker: Speaker<Words>): Sums {
  const speech = speaker.speech.value;
  if (!speech) throw new Error("nothing is said before a language is chosen");
  return new Sums(speech.format, speech.words);
}

void start({ en: () => import("./words/en"), de: () => import("./words/de") }, (site) => {
  const key = new Key("operator", sessionStorage, site.session.role === "operator");
  const money = new Money(key, site.api, site.api.as(key), () => spoken(site.speaker), location.hash);
  window.addEventListener("hashchange", () => money.go(location.hash));
  void money.follow();
  return <App site={site} money={money} />;
});
