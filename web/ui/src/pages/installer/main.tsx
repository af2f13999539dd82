import { Key } from "../../ui/key";
import { start } from "../../ui/start";
import type { Session } from "../../ui/session";
import type { Speaker } from "../../ui/speech";
import { App } from "./page";
import { Installer } from "./store";
import type { Words } from "./words/en";
import "../../ui/style.css";
import "./installer.css";

/** spoken are the words of the language that the page speaks now. */
function spoken(speaker: Speaker<Words>): Words {
  const speech = speaker.speech.value;
  if (!speech) throw new Error("the page speaks no language yet");
  return speech.words;
}

/** person tells whether a person has signed in who may pair devices: the key of a program, shown once, opens nothing here. */
function person(session: Session): boolean {
  const info = session.info.value;
  return info?.signed_in === true && (info.email !== undefined || info.demonstration) && session.may("installer", "operator");
}

void start({ en: () => import("./words/en"), de: () => import("./words/de") }, (site) => {
  const key = new Key("installer", sessionStorage, person(site.session));
  const installer = new Installer(key, site.api.as(key), () => spoken(site.speaker), localStorage);
  installer.start();
  window.addEventListener("online", () => installer.back());
  return <App site={site} installer={installer} />;
});
