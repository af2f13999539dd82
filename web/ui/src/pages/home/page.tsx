import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { clock, count, energy, full, price, since, span } from "../../ui/english";
import { unbroken } from "../../ui/format";
import { Shell } from "../../ui/shell";
import { useSpeech } from "../../ui/speech";
import type { Site } from "../../ui/start";
import type { Live } from "../../ui/live";
import type { Clearing, Home, State, Trade } from "../../ui/state";
import { type Column, Table } from "../../ui/table";
import type { Choice } from "./choice";
import { MeasuresSection, SkillSection } from "./community";
import { Flow } from "./flow";
import { find } from "./home";
import { LimitsSection } from "./limits_form";
import { PlanSection } from "./plan";
import type { Plans } from "./plans";
import type { Purse } from "./purse";
import { challenge, expectation, own, prices, sentence } from "./sentence";
import { today } from "./today";

interface Props {
  site: Site;
  live: Live;
  choice: Choice;
  purse: Purse;
  plans: Plans;
}

export function App({ site, live, choice, purse, plans }: Props) {
  const { shared } = useSpeech();
  const s = live.state.value;
  const silence = live.silence.value;
  return (
    <Shell site={site} page="home" live={live} foot={s && <Foot s={s} fund={purse.said.value} />}>
      {s ? <Chosen s={s} silence={silence} choice={choice} plans={plans} /> : <main class="waiting">{silence ? shared.unreachable : shared.waiting}</main>}
    </Shell>
  );
}

function Foot({ s, fund }: { s: State; fund: string }) {
  return (
    <>
      <a href="/installer.html">{count(s.status.devices_online, "device")} online</a> · {count(s.status.intervals_cleared, "interval")} cleared · {s.status.intervals_settled} settled ·{" "}
      <a href="/utility.html">
        {s.status.ledger.kind} ledger at block {s.status.ledger.height}
      </a>{" "}
      · <a href="/money.html">tariffs and bills</a> · <a href="/money.html#fund">{fund}</a>
    </>
  );
}

/** Chosen shows the home of the address, the first one when the address names none. */
function Chosen({ s, silence, choice, plans }: { s: State; silence: number; choice: Choice; plans: Plans }) {
  if (s.homes.length === 0) return <main class="waiting">No home has a meter yet. An installer pairs the first device.</main>;
  const home = find(s.homes, choice.home.value);
  return home ? <HomePage s={s} home={home} silence={silence} plans={plans} choose={(id) => choice.choose(id)} /> : <Unknown id={choice.home.value ?? ""} homes={s.homes} />;
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

function HomePage({ s, home, silence, plans, choose }: { s: State; home: Home; silence: number; plans: Plans; choose: (id: string) => void }) {
  useEffect(() => plans.look(home.id), [home.id]);
  const minutes = s.intervals[0]?.interval.minutes ?? 15;
  const tariff = home.tariff ?? s.tariff; // its own, in the interval that is being delivered
  const age = (time: string) => since(time, s.status.world_time, s.status.speed, silence);
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
        <h1 id="sentence">{unbroken(sentence(home, tariff, minutes))}</h1>
        <p id="expected">{unbroken(expectation(home, tariff, minutes))}</p>
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
          <TariffNow tariff={home.tariff} />
        </section>
      </div>
      <PlanSection plan={plans.plan.value} failed={plans.failed.value} currency={s.tariff.currency} />
      <LimitsSection plans={plans} currency={s.tariff.currency} />
      <div class="columns late">
        <SkillSection skill={plans.skill.value} />
        <MeasuresSection measures={plans.measures.value} currency={s.tariff.currency} />
      </div>
      <div class="columns late">
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
  const others = prices(home, home.tariff ?? s.tariff);
  if (!shown || shown.price === undefined) return <Figure id="price" label="Price among neighbours" value="no trade yet" note={others} />;
  return <Figure id="price" label={current ? "Price now" : "Latest price"} value={price(shown.price, s.tariff.currency)} note={`for ${span(shown.interval)}; ${others}`} />;
}

/** TariffNow names the home's own tariff, as it counts in the interval that is being delivered. */
function TariffNow({ tariff }: { tariff: Home["tariff"] }) {
  const said = own(tariff);
  return said ? <Figure id="tariff" label="Tariff" value={said.name} note={said.note} /> : null;
}

function Charge({ home, age }: { home: Home; age: (time: string) => string }) {
  const battery = home.devices.find((d) => d.kind === "battery");
  if (!battery) return <Figure id="charge" label="Battery" value="none" note="this home has no battery" />;
  if (battery.charge === undefined || !battery.time) return <Figure id="charge" label="Battery" value="–" note="the battery has not answered yet" />;
  return <Figure id="charge" label="State of charge" value={full(battery.charge)} note={battery.online ? `read ${age(battery.time)} ago` : `last read at ${clock(battery.time)}; the battery does not answer`} />;
}

function Trades({ trades, home, currency }: { trades: Trade[]; home: string; currency: string }) {
  const columns: Column<Trade>[] = [
    { title: "For", cell: (t) => span(t.interval) },
    { title: "From", cell: (t) => t.seller },
    { title: "To", cell: (t) => t.buyer },
    { title: "Energy", number: true, cell: (t) => energy(t.energy) },
    { title: "Price", number: true, cell: (t) => price(t.price, currency) },
  ];
  const own = (t: Trade) => (t.buyer === home || t.seller === home ? "own" : undefined);
  return (
    <Latest heading="Latest trades" none="No trade yet: orders are placed in the minutes before an interval's gate closes.">
      {trades.length > 0 && <Table id="trades" columns={columns} rows={trades.slice(0, shown)} keyOf={(t) => t.seq} mark={own} />}
    </Latest>
  );
}

function settlement(c: Clearing): string {
  if (!c.settled) return "open";
  return `settled${c.estimated ? ", estimated" : ""}${c.provisional ? ", provisional" : ""}`;
}

function Intervals({ intervals, currency }: { intervals: Clearing[]; currency: string }) {
  const columns: Column<Clearing>[] = [
    { title: "Interval", cell: (c) => span(c.interval) },
    { title: "Traded", number: true, cell: (c) => energy(c.volume) },
    { title: "Price", number: true, cell: (c) => (c.price === undefined ? "–" : price(c.price, currency)) },
    { title: "Settlement", cell: settlement },
  ];
  return (
    <Latest heading="Delivery intervals" none="None cleared yet.">
      {intervals.length > 0 && <Table id="intervals" columns={columns} rows={intervals.slice(0, shown)} keyOf={(c) => c.interval.start} />}
    </Latest>
  );
}

/** shown is how many of the latest a table has. */
const shown = 10;

function Latest({ heading, none, children }: { heading: string; none: string; children: ComponentChildren }) {
  return (
    <section>
      <h2>{heading}</h2>
      {children || <p>{none}</p>}
    </section>
  );
}
