import { start } from "../../ui/start";
import { Certificates } from "./certificates";
import { Disputes } from "./disputes";
import { Feeder } from "./feeder";
import { Finder } from "./finder";
import { Objected } from "./objected";
import { App } from "./page";
import { Prover } from "./prover";
import { Books } from "./store";
import { Trust } from "./trust";
import { Values } from "./values";
import "../../ui/style.css";

void start({ en: () => import("./words/en"), de: () => import("./words/de") }, (site) => {
  const { api, session } = site;
  const books = new Books(api, session.may("utility", "operator", "viewer"));
  void books.follow();
  const trust = new Trust(api, localStorage);
  return <App site={site} books={books} finder={new Finder(api)} prover={new Prover(api, trust)} trust={trust} feeder={new Feeder(api)} values={new Values(api)} objected={new Objected(api)} certificates={new Certificates(api)} disputes={new Disputes(api)} />;
});
