// The page of the utility's auditor: one search through the ledger, proofs that this browser checks itself, the last
// checkpoint and whether it continues an earlier one, the feeder, the certificates of the auctions, rewards, what is
// contested, and official values.
import { Alert } from "../../ui/alert";
import { Shell } from "../../ui/shell";
import { useSpeech } from "../../ui/speech";
import type { Site } from "../../ui/start";
import type { Certificates } from "./certificates";
import { CertificateList } from "./certificate_list";
import { Checkpoint } from "./checkpoint";
import { DisputeList } from "./dispute_list";
import type { Disputes } from "./disputes";
import type { Feeder } from "./feeder";
import { FeederMap } from "./feeder_map";
import type { Finder } from "./finder";
import { Objections } from "./objections";
import type { Objected } from "./objected";
import { Official } from "./official";
import type { Prover } from "./prover";
import { Batteries, Epochs } from "./rewards";
import { Search } from "./search";
import type { Books, Ledger } from "./store";
import type { Trust } from "./trust";
import type { Values } from "./values";
import type { Words } from "./words/en";
import "./utility.css";

/** Parts are the stores of the page. */
export interface Parts {
  books: Books;
  finder: Finder;
  prover: Prover;
  trust: Trust;
  feeder: Feeder;
  values: Values;
  objected: Objected;
  certificates: Certificates;
  disputes: Disputes;
}

export function App({ site, books, finder, prover, trust, feeder, values, objected, certificates, disputes }: Parts & { site: Site }) {
  const { words, shared } = useSpeech<Words>();
  const l = books.ledger.value;
  const r = books.rewards.value;
  const member = (site.session.info.value?.signed_in ?? false) && site.session.may("utility", "operator");
  const auditor = member || site.session.may("utility", "operator", "viewer");
  return (
    <Shell site={site} page="ledger">
      {books.failed.value && <Alert>{shared.old(books.failed.value)}</Alert>}
      {l ? (
        <main>
          <h1>{useSummary(l)}</h1>
          {auditor && <Search finder={finder} prover={prover} member={member} />}
          <Checkpoint l={l} trust={trust} read={books.at.value} />
          {auditor && <FeederMap feeder={feeder} />}
          {auditor && <CertificateList certificates={certificates} />}
          {r && <Batteries r={r} read={books.at.value} />}
          {r && <Epochs r={r} read={books.at.value} />}
          {auditor && <Objections objected={objected} member={member} />}
          {member && <DisputeList disputes={disputes} finder={finder} />}
          {auditor && <Official values={values} member={member} />}
        </main>
      ) : (
        <main class="waiting">{words.reading}</main>
      )}
    </Shell>
  );
}

function useSummary(l: Ledger): string {
  const { words, shared, format } = useSpeech<Words>();
  const head = words.head(format.number(l.height), shared.ledgers[l.kind] ?? l.kind);
  if (l.postings === undefined) return `${head}, ${words.noPosting}`;
  return [head, words.under(format.number(l.postings)), l.cosigned && words.cosigned].filter(Boolean).join(", ");
}
