import type { Home, State } from "../../ui/state";
import { power } from "./home";
import type { Say } from "./say";

type Tariff = State["tariff"];

/** still is a power that counts as no exchange at all. */
const still = 30;

/** Said is what a home does: what flows now, in so few words that they fit into a headline, and what belongs to it, which may be nothing. */
export interface Said {
  head: string;
  more: string;
}

/**
 * sentence says in words what the home does right now, and at what price. What
 * it traded for the interval of so many minutes flows to or from neighbours,
 * the rest to or from the grid; where that is not what flows, it says so.
 */
export function sentence(home: Home, tariff: Tariff, minutes: number, say: Say): Said {
  const { head, more } = doing(home, tariff, minutes, say);
  return { head, more: more && `${more.charAt(0).toUpperCase()}${more.slice(1)}.` };
}

function doing(home: Home, tariff: Tariff, minutes: number, say: Say): Said {
  const { now } = say.words;
  const meter = home.flow?.meter ?? power(home, "meter");
  if (meter === undefined) return { head: now.silent, more: "" };
  const agreed = traded(home, minutes);
  if (Math.abs(agreed) < still) return flowing(meter, home, tariff, say);
  if (Math.abs(meter) < still || meter > 0 !== agreed > 0) return otherwise(agreed, meter, home, tariff, minutes, say);
  return withNeighbours(home, agreed, meter, tariff, say);
}

/** traded is the mean power that a home trades with neighbours over the interval of so many minutes, in W, + is to come in. */
export function traded(home: Pick<Home, "contract">, minutes: number): number {
  return ((home.contract.bought - home.contract.sold) * 60) / minutes;
}

/** flowing says what flows over the meter, without what was traded. */
function flowing(meter: number, home: Home, tariff: Tariff, say: Say): Said {
  return Math.abs(meter) < still ? { head: say.words.now.still, more: "" } : withGrid(meter, home, tariff, say);
}

/** withGrid says what comes from the grid or goes there; more: beside what is traded. */
function withGrid(w: number, home: Home, tariff: Tariff, { words, format }: Say, more = false): Said {
  const { now } = words;
  const at = format.price(w < 0 ? tariff.feed_in : tariff.retail);
  const plain = (w < 0 ? now.gives : now.takes)(format.watts(w));
  const does = more ? now.more(plain) : plain;
  if (home.pool === undefined) return { head: (w < 0 ? now.toGrid : now.fromGrid)(does, at), more: "" };
  return { head: does, more: (w < 0 ? now.poolOut : now.poolIn)(format.price(home.pool), at) };
}

/** otherwise tells that what flows is not what was traded. */
function otherwise(agreed: number, meter: number, home: Home, tariff: Tariff, minutes: number, say: Say): Said {
  const { now } = say.words;
  const { head, more } = flowing(meter, home, tariff, say);
  const dealt = (agreed < 0 ? now.sold : now.bought)(say.format.watts(agreed), say.format.period(minutes));
  return { head, more: joined(more, dealt, agreed < 0 ? reserved(home, say) : "") };
}

/** joined puts parts of a sentence behind each other, those that say something. */
function joined(...parts: string[]): string {
  return parts.filter((p) => p !== "").join("; ");
}

/** reserve is the state of charge below which a battery gives nothing to keep a sale, in per mille (docs/control.md). */
const reserve = 200;

/** reserved says that the battery does not make up for what was sold and is not given, where that is known. */
function reserved(home: Home, say: Say): string {
  const batteries = home.devices.filter((d) => d.kind === "battery");
  const low = batteries.length > 0 && batteries.every((d) => d.online && d.charge !== undefined && d.charge < reserve);
  return low && !home.challenge ? say.words.now.reserved : "";
}

function withNeighbours(home: Home, agreed: number, meter: number, tariff: Tariff, say: Say): Said {
  const { now } = say.words;
  const { bought, paid, sold, received } = home.contract;
  const selling = agreed < 0;
  const shared = Math.min(Math.abs(agreed), Math.abs(meter));
  const rest = Math.abs(meter) - shared;
  const missing = Math.abs(agreed) - shared;
  const at = say.format.price(((selling ? received : paid) * 1000) / (selling ? sold : bought));
  const head = (selling ? now.sells : now.buys)(say.format.watts(shared), at);
  if (rest >= still) {
    const over = withGrid(selling ? -rest : rest, home, tariff, say, true);
    return { head, more: over.more === "" ? over.head : now.of(over.head, over.more) };
  }
  if (missing <= Math.max(still, Math.abs(agreed) / 10)) return { head, more: "" };
  const less = (selling ? now.soldMore : now.boughtMore)(say.format.watts(missing));
  return { head, more: joined(less, selling ? reserved(home, say) : "") };
}

/**
 * expectation says what the interval of so many minutes brings or costs if the
 * forecast comes true: as traded, and at the grid's prices what the trades leave
 * over. It binds nobody: a home that does otherwise pays or gets for what it does.
 */
export function expectation(home: Home, tariff: Tariff, minutes: number, say: Say): string {
  if (!home.expected) return "";
  const { format } = say;
  const { expected } = say.words;
  const { money, short, over } = home.expected;
  const terms = home.contract.bought + home.contract.sold > 0 ? [expected.traded] : [];
  const left = [short > 0 ? leftOver(short, home, tariff, say) : "", over > 0 ? leftOver(-over, home, tariff, say) : ""].filter((t) => t !== "");
  if (left.length > 0) terms.push(expected.with(left));
  const nothing = Math.abs(money) < format.smallest() / 2;
  const amount = nothing ? expected.nothing : (money < 0 ? expected.spent : expected.earned)(format.about(money));
  return expected.sentence(format.period(minutes), amount, terms);
}

function leftOver(wh: number, home: Home, tariff: Tariff, { words, format }: Say): string {
  const { expected } = words;
  const grid = wh < 0 ? expected.toGrid(format.energy(wh), format.price(tariff.feed_in)) : expected.fromGrid(format.energy(wh), format.price(tariff.retail));
  if (home.pool === undefined) return grid;
  return (wh < 0 ? expected.orTo : expected.orFrom)(grid, format.price(home.pool));
}

/** prices says what energy costs the home that it does not trade. */
export function prices(home: Home, tariff: Tariff, { words, format }: Say): string {
  const grid = words.price.grid(format.price(tariff.retail), format.price(tariff.feed_in));
  return home.pool === undefined ? grid : words.price.pool(grid, format.price(home.pool));
}

/** own says by which tariff the home takes energy now, and what neighbours' energy avoids of it; undefined where that is not known. */
export function own(tariff: Home["tariff"], { words, format }: Say): { name: string; note: string } | undefined {
  if (!tariff) return undefined;
  const { community = 0, retail } = tariff;
  const avoided = format.price(retail - community);
  return { name: tariff.name ?? tariff.version, note: community === 0 ? words.tariff.whole(avoided) : words.tariff.part(format.price(community), avoided) };
}

/** challenge says what the battery does for a storage challenge, and what such challenges bring and cost; tokens shows how many it got. */
export function challenge(c: NonNullable<Home["challenge"]>, { words, format }: Say, tokens: (n: number) => string): string {
  const w = words.challenge;
  const does = w.does(format.clock(c.until), c.direction === "charge", format.watts(c.power));
  const earned = w.earned(tokens(c.tokens));
  if (c.cost === undefined) return `${does} ${earned}.`;
  if (c.cost === 0) return `${does} ${w.free(earned, format.money(0))}`;
  return `${does} ${(c.cost < 0 ? w.brought : w.cost)(earned, format.about(c.cost))}`;
}
