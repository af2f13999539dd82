import { render } from "preact";
import { signal } from "@preact/signals";
import { Flow } from "./flow";
import { clock, day, energy, money, price, span } from "./format";
import { connect, lost, state } from "./live";
import { sentence } from "./sentence";
import type { Clearing, Home, State, Trade } from "./state";
import "./style.css";

const chosen = signal(new URLSearchParams(location.search).get("home"));

function choose(id: string): void {
  chosen.value = id;
  history.replaceState(null, "", `?home=${encodeURIComponent(id)}`);
}

function App() {
  const s = state.value;
  if (!s) return <main class="waiting">{lost.value ? "The community cannot be reached. Trying again…" : "Connecting to the community…"}</main>;
  const home = s.homes.find((h) => h.id === chosen.value) ?? s.homes[0];
  return (
    <>
      <header>
        <strong>Commonwatt</strong> <span>{s.community}</span>
        <span class="when">
          {day(s.status.world_time)}, <time dateTime={s.status.world_time}>{clock(s.status.world_time)}</time>
          {s.status.speed !== 1 && ` · ${s.status.speed}× speed`}
        </span>
      </header>
      {lost.value && <p role="alert">Connection lost: what is shown is from {clock(s.status.world_time)}. Trying again…</p>}
      {home ? <HomePage s={s} home={home} /> : <main class="waiting">No home has a meter yet. An installer pairs the first device.</main>}
      <footer>
        <a href="/installer.html">{s.status.devices_online} devices online</a> · {s.status.intervals_cleared} intervals cleared · {s.status.intervals_settled} settled ·{" "}
        <a href="/utility.html">
          {s.status.ledger.kind} ledger at block {s.status.ledger.height}
        </a>
      </footer>
    </>
  );
}

function HomePage({ s, home }: { s: State; home: Home }) {
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
      <h1 id="sentence">{sentence(home, s.tariff, s.intervals[0]?.interval.minutes ?? 15)}</h1>
      <div class="columns">
        <section aria-label="Energy now">
          <Flow home={home} />
        </section>
        <section class="figures" aria-label="Figures">
          <PriceNow s={s} />
          <Earned home={home} currency={s.tariff.currency} />
          <Charge home={home} now={s.status.world_time} speed={s.status.speed} />
        </section>
      </div>
      <div class="columns">
        <Trades trades={s.trades} home={home.id} />
        <Intervals intervals={s.intervals} />
      </div>
    </main>
  );
}

function Figure({ id, label, value, note }: { id: string; label: string; value: string; note: string }) {
  return (
    <div class="figure">
      <h2>{label}</h2>
      <output id={id}>{value}</output>
      <p>{note}</p>
    </div>
  );
}

function PriceNow({ s }: { s: State }) {
  const now = Date.parse(s.status.world_time);
  const priced = s.intervals.filter((c) => c.price !== undefined);
  const current = priced.find((c) => Date.parse(c.interval.start) <= now && now < Date.parse(c.interval.start) + c.interval.minutes * 60_000);
  const shown = current ?? priced[0];
  const range = `the grid sells at ${price(s.tariff.retail)} and pays ${price(s.tariff.feed_in)}`;
  if (!shown || shown.price === undefined) return <Figure id="price" label="Price among neighbours" value="no trade yet" note={range} />;
  return <Figure id="price" label={current ? "Price now" : "Latest price"} value={price(shown.price)} note={`for ${span(shown.interval)}; ${range}`} />;
}

function Earned({ home, currency }: { home: Home; currency: string }) {
  const { net, retail_only, intervals } = home.today;
  if (intervals === 0) return <Figure id="earned" label="Earned today" value="–" note="no interval is settled yet today" />;
  const better = net - retail_only;
  const note = `${intervals} settled ${intervals === 1 ? "interval" : "intervals"}; ${money(better, currency)} ${better < 0 ? "less" : "more"} than without neighbours`;
  return <Figure id="earned" label={net < 0 ? "Spent today" : "Earned today"} value={money(net, currency)} note={note} />;
}

function Charge({ home, now, speed }: { home: Home; now: string; speed: number }) {
  const battery = home.devices.find((d) => d.kind === "battery");
  if (!battery) return <Figure id="charge" label="Battery" value="none" note="this home has no battery" />;
  if (battery.charge === undefined || !battery.time) return <Figure id="charge" label="Battery" value="–" note="the battery has not answered yet" />;
  const age = Math.max(0, Math.round((Date.parse(now) - Date.parse(battery.time)) / 1000 / speed));
  return <Figure id="charge" label="State of charge" value={`${(battery.charge / 10).toFixed(0)} %`} note={battery.online ? `read ${age} s ago` : `last read at ${clock(battery.time)}; the battery does not answer`} />;
}

function Trades({ trades, home }: { trades: Trade[]; home: string }) {
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
                <td class="number">{price(t.price)}</td>
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

function Intervals({ intervals }: { intervals: Clearing[] }) {
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
                <td class="number">{c.price === undefined ? "–" : price(c.price)}</td>
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
