import { about, clock, energy, money, period, price, tokens, watts } from "./format";
import { type Home, power, type State } from "./state";

type Tariff = State["tariff"];

/** still is a power that counts as no exchange at all. */
const still = 30;

/**
 * sentence says in words what the home does right now, and at what price. What
 * it traded for the interval of so many minutes flows to or from neighbours,
 * the rest to or from the grid; where that is not what flows, it says so.
 */
export function sentence(home: Home, tariff: Tariff, minutes: number): string {
  const meter = home.flow?.meter ?? power(home, "meter");
  if (meter === undefined) return "The meter does not answer. What flows now is not known.";
  const { bought, sold } = home.contract;
  const agreed = ((bought - sold) * 60) / minutes; // W, + is to come in
  if (Math.abs(agreed) < still) return Math.abs(meter) < still ? "Running on its own: nothing flows in or out." : withGrid(meter, tariff);
  if (Math.abs(meter) < still || meter > 0 !== agreed > 0) return otherwise(agreed, meter, tariff, minutes);
  return withNeighbours(home, agreed, meter, tariff);
}

function withGrid(w: number, tariff: Tariff, now = "", more = ""): string {
  const [doing, to, at] = w < 0 ? ["Giving", "to", tariff.feed_in] : ["Taking", "from", tariff.retail];
  if (tariff.pool === undefined) return `${doing} ${watts(w)} ${to} the grid${now} at ${price(at, tariff.currency)}`;
  const grid = `${to} the grid at ${price(at, tariff.currency)}`;
  return `${doing} ${watts(w)}${more}${now}: what neighbours ${w < 0 ? "need of it" : "have over"} at ${price(tariff.pool, tariff.currency)}, the rest ${grid}`;
}

/** otherwise tells that what flows is not what was traded. */
function otherwise(agreed: number, meter: number, tariff: Tariff, minutes: number): string {
  const traded = `${agreed < 0 ? "Sold" : "Bought"} ${watts(agreed)} ${agreed < 0 ? "to" : "from"} neighbours for ${period(minutes)}`;
  const flows = Math.abs(meter) < still ? "nothing flows in or out right now" : lower(withGrid(meter, tariff, " right now"));
  return `${traded}, but ${flows}`;
}

function withNeighbours(home: Home, agreed: number, meter: number, tariff: Tariff): string {
  const { bought, paid, sold, received } = home.contract;
  const selling = agreed < 0;
  const shared = Math.min(Math.abs(agreed), Math.abs(meter));
  const rest = Math.abs(meter) - shared;
  const missing = Math.abs(agreed) - shared;
  const at = price(((selling ? received : paid) * 1000) / (selling ? sold : bought), tariff.currency);
  const text = `${selling ? "Selling" : "Buying"} ${watts(shared)} ${selling ? "to" : "from"} neighbours at ${at}`;
  if (rest >= still) return `${text}, ${lower(withGrid(selling ? -rest : rest, tariff, "", " more"))}`;
  if (missing <= Math.max(still, Math.abs(agreed) / 10)) return text;
  return `${text}; ${watts(missing)} more was ${selling ? "sold than is given" : "bought than is used"} right now`;
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/**
 * expectation says what the interval of so many minutes should bring or cost:
 * as traded, and at the grid's prices what the trades leave over. Where that is
 * shared after delivery it may come out better, never worse.
 */
export function expectation(home: Home, tariff: Tariff, minutes: number): string {
  if (!home.expected) return "";
  const { bought, sold } = home.contract;
  const left = home.expected.energy - (bought - sold);
  const terms = bought + sold > 0 ? ["as traded"] : [];
  if (left !== 0) terms.push(leftOver(left, tariff));
  const bound = tariff.pool === undefined || left === 0 ? "" : home.expected.money < 0 ? " at most" : " at least";
  const should = (home.expected.money < 0 ? "cost" : "earn") + bound;
  const amount = `${period(minutes)} should ${should} ${about(home.expected.money, tariff.currency)}`;
  return `${amount.charAt(0).toUpperCase()}${amount.slice(1)}${terms.length > 0 ? `: ${terms.join(", and ")}` : ""}`;
}

function leftOver(left: number, tariff: Tariff): string {
  const [to, at, share] = left < 0 ? ["to", tariff.feed_in, "take"] : ["from", tariff.retail, "give"];
  const grid = `${energy(left)} ${to} the grid at ${price(at, tariff.currency)}`;
  return tariff.pool === undefined ? grid : `${grid}, unless neighbours ${share} it at ${price(tariff.pool, tariff.currency)}`;
}

/** challenge says what the battery does for a storage challenge, and what such challenges bring and cost. */
export function challenge(c: NonNullable<Home["challenge"]>, currency: string): string {
  const does = `The battery answers a storage challenge until ${clock(c.until)}: it ${c.direction === "charge" ? "takes" : "gives"} ${watts(c.power)} more than it did.`;
  const earned = `It earned ${tokens(c.tokens)} for its last closed day`;
  if (c.cost === undefined) return `${does} ${earned}.`;
  if (c.cost === 0) return `${does} ${earned}; challenges cost ${money(0, currency)} today.`;
  return `${does} ${earned}; challenges ${c.cost < 0 ? "brought" : "cost"} ${about(c.cost, currency)} today.`;
}
