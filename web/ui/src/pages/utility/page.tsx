// The page of the utility's auditor: the key, the last checkpoint, how to verify them
// without trusting this page, and what the storage rewards paid.
import { count, energy, tokens, watts } from "../../ui/english";
import { Alert } from "../../ui/alert";
import { Shell } from "../../ui/shell";
import { useSpeech } from "../../ui/speech";
import type { Site } from "../../ui/start";
import { type Column, Table } from "../../ui/table";
import type { Books, Ledger, Rewards } from "./store";

export function App({ site, books }: { site: Site; books: Books }) {
  const { shared } = useSpeech();
  const l = books.ledger.value;
  const r = books.rewards.value;
  return (
    <Shell site={site} page="ledger">
      {books.failed.value && <Alert>{shared.old(books.failed.value)}</Alert>}
      {l && r ? (
        <main>
          <h1>{summary(l)}</h1>
          <Proof l={l} />
          <Batteries r={r} />
          <Epochs r={r} />
        </main>
      ) : (
        <main class="waiting">Reading the ledger…</main>
      )}
    </Shell>
  );
}

function summary(l: Ledger): string {
  const chain = `${count(l.height, "block")} on the ${l.kind} ledger`;
  if (l.postings === undefined) return `${chain}, no posting yet`;
  return `${chain}, ${count(l.postings, "posting")} under a checkpoint${l.cosigned ? " that the utility has cosigned" : ""}`;
}

function Proof({ l }: { l: Ledger }) {
  return (
    <section class="proof">
      <h2>Verifier key: keep a copy elsewhere</h2>
      <pre id="key">{l.key}</pre>
      <h2>Last checkpoint: a signed note</h2>
      <pre id="checkpoint">{l.checkpoint ?? "none yet: it comes with the first posting"}</pre>
      <h2>Verify without trusting this page</h2>
      <p>Ask for a proof bundle, and judge it with your copy of the key and an earlier checkpoint that you kept:</p>
      <pre>
        {"commonwatt ledger export --format bundle --out BUNDLE\n"}
        {"commonwatt ledger verify --bundle BUNDLE --key KEY --checkpoint EARLIER"}
      </pre>
      <h2>Last block</h2>
      <pre>{l.root}</pre>
    </section>
  );
}

const batteries: Column<Rewards["batteries"][number]>[] = [
  { title: "Battery", cell: (b) => b.device },
  { title: "Pledged", number: true, cell: (b) => watts(b.power) },
  { title: "Kept", number: true, cell: (b) => energy(b.energy) },
  { title: "Reputation", number: true, cell: (b) => `${(b.reputation / 10).toFixed(1)} %` },
  { title: "Stake", number: true, cell: (b) => tokens(b.stake) },
  { title: "Tokens", number: true, cell: (b) => tokens(b.tokens) },
  { title: "Now", cell: (b) => (b.challenged ? "challenged" : "–") },
];

function Batteries({ r }: { r: Rewards }) {
  return (
    <section>
      <h2>Storage rewards: batteries</h2>
      {r.batteries.length === 0 ? <p>No battery takes part.</p> : <Table id="batteries" columns={batteries} rows={r.batteries} keyOf={(b) => b.device} />}
    </section>
  );
}

type Epoch = Rewards["epochs"][number];

const rewards: Column<Epoch["rewards"][number]>[] = [
  { title: "Battery", cell: (w) => w.device },
  { title: "Paid", number: true, cell: (w) => tokens(w.tokens) },
  { title: "Available", number: true, cell: (w) => count(w.intervals, "interval") },
  { title: "Challenges met", number: true, cell: (w) => `${w.met} of ${w.challenged}` },
  { title: "At peaks", number: true, cell: (w) => energy(w.delivered) },
  { title: "Slashed", number: true, cell: (w) => tokens(w.slashed) },
];

function Epochs({ r }: { r: Rewards }) {
  return (
    <section>
      <h2>Storage rewards: closed epochs</h2>
      {r.epochs.length === 0 ? (
        <p>No epoch is closed yet: one is a day, and closes when its corrections are over.</p>
      ) : (
        r.epochs.map((e) => <Table key={e.epoch} caption={paid(e)} columns={rewards} rows={e.rewards} keyOf={(w) => w.device} />)
      )}
    </section>
  );
}

function paid(e: Epoch): string {
  return `${e.epoch}: ${tokens(e.paid)} paid, ${tokens(e.left)} carried over`;
}
