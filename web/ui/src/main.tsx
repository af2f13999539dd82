import { render } from "preact";
import { signal } from "@preact/signals";
import { Flow } from "./flow";
import { clock, count, day, energy, full, price, seconds, since, span, unbroken } from "./format";
import { connect, silence, state } from "./live";
import { challenge, expectation, prices, sentence } from "./sentence";
import { type Clearing, find, type Home, type State, type Trade } from "./state";
import { today } from "./today";
import "./style.css";

const chosen = signal(new URLSearchParams(location.search).get("home"));

function choose(id: string): void {
  chosen.value = id;
  history.replaceState(null, "", `?home=${encodeURIComponent(id)}`);
}

function App() {
  const s = state.value;
  if (!s) return <main class="waiting">{silence.value ? "The community cannot be reached. Trying again…" : "Connecting to the community…"}</main>;
  return (
    <>
      <header>
        <strong>Commonwatt</strong> <span>{s.community}</span>
        <span class="when">
          {day(s.status.world_time)}, <time dateTime={s.status.world_time}>{clock(s.status.world_time)}</time> UTC
          {s.status.speed !== 1 && ` · ${s.status.speed}× speed`}
        </span>
      </header>
      {silence.value > 0 && (
        <p role="alert">
          No news for <span aria-live="off">{seconds(silence.value)}</span>: what is shown is from {clock(s.status.world_time)}. Trying again…
        </p>
      )}
      <Chosen s={s} />
      <footer>
        <a href="/installer.html">{count(s.status.devices_online, "device")} online</a> · {count(s.status.intervals_cleared, "interval")} cleared · {s.status.intervals_settled} settled ·{" "}
        <a href="/utility.html">
          {s.status.ledger.kind} ledger at block {s.status.ledger.height}
        </a>
      </footer>
    </>
  );
}

/** Chosen shows the home of the address, the first one when the address names none. */
function Chosen({ s }: { s: State }) {
  if (s.homes.length === 0) return <main class="waiting">No home has a meter yet. An installer pairs the first device.</main>;
  const home = find(s.homes, chosen.value);
  return home ? <HomePage s={s} home={home} /> : <Unknown id={chosen.value ?? ""} homes={s.homes} />;
}

function Unknown({ id, homes }: { id: string; homes: Home[] }) {
  return (
    <main>
      <h1>
        There is no home “{id}” in this community. Choose one:
      </h1>
      <ul class="homes">
        {homes.map((h) => (
          <li key={h.id}>
            <a href={`?home=${encodeURIComponent(h.id)}`}>{h.id}</a>
          </li>
        ))}
      </ul>
    </main>
  );
}

function HomePage({ s, home }: { s: State; home: Home }) {
  const minutes = s.intervals[0]?.interval.minutes ?? 15;
  const age = (time: string) => since(time, s.status.world_time, s.status.speed, silence.value);
  return (
    <main>
      <label class="choose">
        Home{" "}
        <select value={home.id} onChange={(e) => choose(e.currentTarget.value)}>
          {s.homes.map((h) => (
            <option value={h.id}>{h.id}</option>
          ))}
        </select>
      </label>
      <div class="now">
        <h1 id="sentence">{unbroken(sentence(home, s.tariff, minutes))}</h1>
        <p id="expected">{unbroken(expectation(home, s.tariff, minutes))}</p>
      </div>
      {home.challenge && <p id="challenge">{unbroken(challenge(home.challenge, s.tariff.currency))}</p>}
      <div class="columns">
        <section aria-label="Energy now">
          <Flow home={home} age={age} />
        </section>
        <section class="figures" aria-label="Figures">
          <PriceNow s={s} home={home} />
          <Figure id="earned" {...today(home.today, s.tariff.currency)} />
          <Charge home={home} age={age} />
        </section>
      </div>
      <div class="columns">
        <Trades trades={s.trades} home={home.id} currency={s.tariff.currency} />
        <Intervals intervals={s.intervals} currency={s.tariff.currency} />
      </div>
    </main>
  );
}

function Figure({ id, label, value, note }: { id: string; label: string; value: string; note: string }) {
  return (
    <div class="figure">
      <h2>{label}</h2>
      <output id={id}>{value}</output>
      <p>{unbroken(note)}</p>
    </div>
  );
}

function PriceNow({ s, home }: { s: State; home: Home }) {
  const now = Date.parse(s.status.world_time);
  const priced = s.intervals.filter((c) => c.price !== undefined);
  const current = priced.find((c) => Date.parse(c.interval.start) <= now && now < Date.parse(c.interval.start) + c.interval.minutes * 60_000);
  const shown = current ?? priced[0];
  const others = prices(home, s.tariff);
  if (!shown || shown.price === undefined) return <Figure id="price" label="Price among neighbours" value="no trade yet" note={others} />;
  return <Figure id="price" label={current ? "Price now" : "Latest price"} value={price(shown.price, s.tariff.currency)} note={`for ${span(shown.interval)}; ${others}`} />;
}

function Charge({ home, age }: { home: Home; age: (time: string) => string }) {
  const battery = home.devices.find((d) => d.kind === "battery");
  if (!battery) return <Figure id="charge" label="Battery" value="none" note="this home has no battery" />;
  if (battery.charge === undefined || !battery.time) return <Figure id="charge" label="Battery" value="–" note="the battery has not answered yet" />;
  return <Figure id="charge" label="State of charge" value={full(battery.charge)} note={battery.online ? `read ${age(battery.time)} ago` : `last read at ${clock(battery.time)}; the battery does not answer`} />;
}

function Trades({ trades, home, currency }: { trades: Trade[]; home: string; currency: string }) {
  return (
    <section>
      <h2>Latest trades</h2>
      {trades.length === 0 ? (
        <p>No trade yet: orders are placed in the minutes before an interval's gate closes.</p>
      ) : (
        <table id="trades">
          <thead>
            <tr>
              <th>For</th>
              <th>From</th>
              <th>To</th>
              <th class="number">Energy</th>
              <th class="number">Price</th>
            </tr>
          </thead>
          <tbody>
            {trades.slice(0, 10).map((t) => (
              <tr key={t.seq} class={t.buyer === home || t.seller === home ? "own" : ""}>
                <td>{span(t.interval)}</td>
                <td>{t.seller}</td>
                <td>{t.buyer}</td>
                <td class="number">{energy(t.energy)}</td>
                <td class="number">{price(t.price, currency)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function settlement(c: Clearing): string {
  if (!c.settled) return "open";
  return `settled${c.estimated ? ", estimated" : ""}${c.provisional ? ", provisional" : ""}`;
}

function Intervals({ intervals, currency }: { intervals: Clearing[]; currency: string }) {
  return (
    <section>
      <h2>Delivery intervals</h2>
      {intervals.length === 0 ? (
        <p>None cleared yet.</p>
      ) : (
        <table id="intervals">
          <thead>
            <tr>
              <th>Interval</th>
              <th class="number">Traded</th>
              <th class="number">Price</th>
              <th>Settlement</th>
            </tr>
          </thead>
          <tbody>
            {intervals.slice(0, 10).map((c) => (
              <tr key={c.interval.start}>
                <td>{span(c.interval)}</td>
                <td class="number">{energy(c.volume)}</td>
                <td class="number">{c.price === undefined ? "–" : price(c.price, currency)}</td>
                <td>{settlement(c)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

const root = document.getElementById("app");
if (root) render(<App />, root);
connect();
