import { useEffect, useMemo } from "preact/hooks";
import { Figure } from "../../ui/figure";
import { unbroken } from "../../ui/format";
import { today as dayOf } from "../../ui/range";
import type { Live } from "../../ui/live";
import { type PageName, pagesFor } from "../../ui/pages";
import { Shell } from "../../ui/shell";
import { useSpeech } from "../../ui/speech";
import type { Site } from "../../ui/start";
import type { Clearing, Home, State } from "../../ui/state";
import { BillsSection } from "./bills";
import type { Choice } from "./choice";
import { ConsentSection } from "./consent";
import type { Deciding } from "./deciding";
import { MeasuresSection, SkillSection } from "./community";
import { Flow } from "./flow";
import { HistorySection } from "./history";
import { find } from "./home";
import { LimitsSection } from "./limits_form";
import { Intervals, Together, Trades } from "./market";
import { MoneySection } from "./money";
import { NoticesSection } from "./notices";
import type { Objecting } from "./objecting";
import { ObjectionsSection } from "./objections";
import type { Past } from "./past";
import { PlanSection } from "./plan";
import type { Plans } from "./plans";
import type { Purse } from "./purse";
import { ReadingsSection } from "./readings";
import type { Reason } from "./reason";
import { challenge, expectation, own, prices, sentence, traded } from "./sentence";
import { today } from "./today";
import { doing } from "./why";
import { WhyPrice } from "./why_price";
import type { Words } from "./words/en";

/** Stores are what the page shows. */
export interface Stores {
  live: Live;
  choice: Choice;
  purse: Purse;
  plans: Plans;
  past: Past;
  deciding: Deciding;
  objecting: Objecting;
  reason: Reason;
}

export function App({ site, ...stores }: Stores & { site: Site }) {
  const { shared } = useSpeech();
  const { live, purse } = stores;
  const s = live.state.value;
  return (
    <Shell site={site} page="home" live={live} foot={s && <Foot s={s} site={site} balance={purse.balance.value} />}>
      {s ? <Chosen s={s} own={site.session.member ?? null} {...stores} /> : <main class="waiting">{live.silence.value ? shared.unreachable : shared.waiting}</main>}
    </Shell>
  );
}

/** Foot is the last line; what it names leads to its page for who may open that. */
function Foot({ s, site, balance }: { s: State; site: Site; balance: number | undefined }) {
  const { words, shared, format } = useSpeech<Words>();
  const w = words.foot;
  const { kind, height } = s.status.ledger;
  const open = new Set(pagesFor(site.session).map((p) => p.name));
  const to = (page: PageName, href: string, text: string) => (open.has(page) ? <a href={href}>{text}</a> : text);
  return (
    <>
      {to("devices", "/installer.html", w.online(s.status.devices_online))} · {w.cleared(s.status.intervals_cleared)} · {w.settled(s.status.intervals_settled)} ·{" "}
      {to("ledger", "/utility.html", w.ledger(shared.ledgers[kind] ?? kind, height))} · {to("money", "/money.html", w.money)} ·{" "}
      {to("money", "/money.html#fund", balance === undefined ? w.fund : w.fundOf(format.money(balance)))}
    </>
  );
}

type Shown = Stores & { s: State };

/** Chosen shows the home of the address; when the address names none, the own one, or else the first. */
function Chosen({ s, own, ...stores }: Shown & { own: string | null }) {
  const { words } = useSpeech<Words>();
  const { choice } = stores;
  if (s.homes.length === 0) return <main class="waiting">{words.none}</main>;
  const home = find(s.homes, choice.home.value || own);
  return home ? <HomePage s={s} home={home} owner={home.id === own} {...stores} /> : <Unknown id={choice.home.value ?? ""} homes={s.homes} />;
}

function Unknown({ id, homes }: { id: string; homes: Home[] }) {
  const { words } = useSpeech<Words>();
  return (
    <main>
      <h1>{words.unknown(id)}</h1>
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

function HomePage({ s, home, owner, ...stores }: Shown & { home: Home; owner: boolean }) {
  const { words, format } = useSpeech<Words>();
  const { live, choice, plans, past, deciding, objecting, reason } = stores;
  const latest = priced(s).shown;
  const day = dayOf(s.status.world_time, format.zone);
  useEffect(() => plans.look(home.id), [home.id]);
  useEffect(() => deciding.look(home.id, owner), [home.id, owner]);
  useEffect(() => objecting.look(home.id, owner), [home.id, owner]);
  useEffect(() => past.look(home.id, s.status.world_time, format.zone), [home.id, day, format.zone]);
  const age = (time: string) => format.since(time, s.status.world_time, s.status.speed, live.silence.value);
  const minutes = s.intervals[0]?.interval.minutes ?? 15;
  return (
    <main class="home">
      {s.homes.length > 1 && (
        <label class="choose">
          {words.choose}{" "}
          <select value={home.id} onChange={(e) => choice.choose(e.currentTarget.value)}>
            {s.homes.map((h) => (
              <option value={h.id}>{h.id}</option>
            ))}
          </select>
        </label>
      )}
      {past.money.value ? <MoneySection past={past} /> : <Today home={home} />}
      <Now s={s} home={home} minutes={minutes} />
      <div class="columns">
        <section aria-labelledby="flow-heading">
          <h2 id="flow-heading">{words.flow.title}</h2>
          <Flow home={home} traded={traded(home, minutes)} age={age} />
        </section>
        <section class="figures" aria-label={words.price.now}>
          <PriceNow s={s} home={home} />
          <Charge home={home} age={age} />
          <TariffNow tariff={home.tariff} />
        </section>
      </div>
      {latest && <WhyPrice reason={reason} shown={latest} />}
      {useUnmoved(home, owner, minutes, s.status.world_time, day, stores)}
      {s.sums && <Together sums={s.sums} />}
      <div class="columns late">
        <Trades trades={s.trades} home={home.id} />
        <Intervals intervals={s.intervals} />
      </div>
    </main>
  );
}

/** useUnmoved are the sections that do not change with every message: they are drawn anew only when their own stores do. */
function useUnmoved(home: Home, owner: boolean, minutes: number, now: string, day: string, { plans, past, deciding, objecting }: Stores) {
  const kinds = home.devices.map((d) => `${d.id} ${d.kind} ${doing(d)}`).join();
  return useMemo(
    () => (
      <>
        <PlanSection plans={plans} devices={home.devices} />
        <HistorySection past={past} now={now} />
        <BillsSection past={past} />
        <LimitsSection plans={plans} />
        <NoticesSection deciding={deciding} />
        <ConsentSection deciding={deciding} owner={owner} />
        <ReadingsSection deciding={deciding} devices={home.devices} />
        <ObjectionsSection objecting={objecting} minutes={minutes} />
        <MeasuresSection plans={plans} />
        <SkillSection plans={plans} />
      </>
    ),
    [home.id, owner, minutes, kinds, day, plans, past, deciding, objecting],
  );
}

/** Today is what the day came to as the live state knows it, until the whole reckoning is there. */
function Today({ home }: { home: Home }) {
  const say = useSpeech<Words>();
  return (
    <section id="money">
      <Figure id="earned" {...today(home.today, say)} how={home.today.intervals > 0 ? <p>{say.words.today.how}</p> : undefined} />
    </section>
  );
}

/** Now says in one sentence what the home does and at which price. */
function Now({ s, home, minutes }: { s: State; home: Home; minutes: number }) {
  const say = useSpeech<Words>();
  const tariff = home.tariff ?? s.tariff; // the home's own, in the interval that is being delivered
  const { head, more } = sentence(home, tariff, minutes, say);
  return (
    <div class="now">
      <h1 id="sentence" aria-live="polite">
        {unbroken(head)}
      </h1>
      {more && <p id="besides">{unbroken(more)}</p>}
      <p id="expected">{unbroken(expectation(home, tariff, minutes, say))}</p>
      {home.challenge && <p id="challenge">{unbroken(challenge(home.challenge, say, say.shared.tokens))}</p>}
    </div>
  );
}

/** priced is the interval whose price is shown: the one that is being delivered, or else the latest that has one. */
function priced(s: State): { shown?: Clearing; current: boolean } {
  const now = Date.parse(s.status.world_time);
  const all = s.intervals.filter((c) => c.price !== undefined);
  const current = all.find((c) => Date.parse(c.interval.start) <= now && now < Date.parse(c.interval.start) + c.interval.minutes * 60_000);
  return { shown: current ?? all[0], current: current !== undefined };
}

function PriceNow({ s, home }: { s: State; home: Home }) {
  const say = useSpeech<Words>();
  const { words, format } = say;
  const w = words.price;
  const { shown, current } = priced(s);
  const others = prices(home, home.tariff ?? s.tariff, say);
  if (!shown || shown.price === undefined) return <Figure id="price" label={w.among} value={w.none} note={others} />;
  return <Figure id="price" label={current ? w.now : w.latest} value={format.price(shown.price)} note={w.of(format.span(shown.interval), others)} how={<p>{w.how(shown.trades)}</p>} />;
}

/** TariffNow names the home's own tariff, as it counts in the interval that is being delivered. */
function TariffNow({ tariff }: { tariff: Home["tariff"] }) {
  const say = useSpeech<Words>();
  const said = own(tariff, say);
  return said ? <Figure id="tariff" label={say.words.tariff.label} value={said.name} note={said.note} how={<><p>{say.words.tariff.how}</p><p>{say.words.tariff.source}</p></>} /> : null;
}

function Charge({ home, age }: { home: Home; age: (time: string) => string }) {
  const { words, format } = useSpeech<Words>();
  const w = words.battery;
  const battery = home.devices.find((d) => d.kind === "battery");
  if (!battery) return null;
  if (battery.charge === undefined || !battery.time) return <Figure id="charge" label={w.label} value="–" note={w.unknown} />;
  return <Figure id="charge" label={w.label} value={format.full(battery.charge)} note={battery.online ? w.read(age(battery.time)) : w.silent(format.clock(battery.time))} how={<p>{w.how(battery.id)}</p>} />;
}
