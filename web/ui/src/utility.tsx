// The page of the utility's auditor: the key, the last checkpoint, how to verify them
// without trusting this page, and what the storage rewards paid.
import { render } from "preact";
import { signal } from "@preact/signals";
import type { components } from "./api.gen";
import { count, energy, tokens, watts } from "./format";
import "./style.css";

type Ledger = components["schemas"]["Ledger"];
type Rewards = components["schemas"]["Rewards"];

const ledger = signal<Ledger | null>(null);
const rewards = signal<Rewards | null>(null);
const failed = signal("");
const every = 5000; // ms

async function get<T>(path: string): Promise<T> {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${answer.statusText}`);
  return (await answer.json()) as T;
}

async function refresh(): Promise<void> {
  try {
    [ledger.value, rewards.value] = await Promise.all([get<Ledger>("/api/v1/ledger"), get<Rewards>("/api/v1/rewards")]);
    failed.value = "";
  } catch (e) {
    failed.value = e instanceof Error ? e.message : String(e);
  }
  setTimeout(refresh, every);
}

function App() {
  const l = ledger.value;
  const r = rewards.value;
  return (
    <>
      <header>
        <strong>Commonwatt</strong> <span>Ledger</span>
        <a class="when" href="/">
          Homes
        </a>
      </header>
      {failed.value && <p role="alert">What is shown may be old: {failed.value}. Trying again…</p>}
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
    </>
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

function Batteries({ r }: { r: Rewards }) {
  return (
    <section>
      <h2>Storage rewards: batteries</h2>
      {r.batteries.length === 0 ? (
        <p>No battery takes part.</p>
      ) : (
        <table id="batteries">
          <thead>
            <tr>
              <th>Battery</th>
              <th class="number">Pledged</th>
              <th class="number">Kept</th>
              <th class="number">Reputation</th>
              <th class="number">Stake</th>
              <th class="number">Tokens</th>
              <th>Now</th>
            </tr>
          </thead>
          <tbody>
            {r.batteries.map((b) => (
              <tr key={b.device}>
                <td>{b.device}</td>
                <td class="number">{watts(b.power)}</td>
                <td class="number">{energy(b.energy)}</td>
                <td class="number">{(b.reputation / 10).toFixed(1)} %</td>
                <td class="number">{tokens(b.stake)}</td>
                <td class="number">{tokens(b.tokens)}</td>
                <td>{b.challenged ? "challenged" : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Epochs({ r }: { r: Rewards }) {
  return (
    <section>
      <h2>Storage rewards: closed epochs</h2>
      {r.epochs.length === 0 ? (
        <p>No epoch is closed yet: one is a day, and closes when its corrections are over.</p>
      ) : (
        r.epochs.map((e) => (
          <table key={e.epoch}>
            <caption>
              {e.epoch}: {tokens(e.paid)} paid, {tokens(e.left)} carried over
            </caption>
            <thead>
              <tr>
                <th>Battery</th>
                <th class="number">Paid</th>
                <th class="number">Available</th>
                <th class="number">Challenges met</th>
                <th class="number">At peaks</th>
                <th class="number">Slashed</th>
              </tr>
            </thead>
            <tbody>
              {e.rewards.map((w) => (
                <tr key={w.device}>
                  <td>{w.device}</td>
                  <td class="number">{tokens(w.tokens)}</td>
                  <td class="number">{count(w.intervals, "interval")}</td>
                  <td class="number">
                    {w.met} of {w.challenged}
                  </td>
                  <td class="number">{energy(w.delivered)}</td>
                  <td class="number">{tokens(w.slashed)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ))
      )}
    </section>
  );
}

const root = document.getElementById("app");
if (root) render(<App />, root);
void refresh();
