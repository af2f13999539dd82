import { about, clock, energy, money, period, price, smallest, tokens, watts } from "../../ui/english";
import type { Home, State } from "../../ui/state";
import { power } from "./home";

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
  if (Math.abs(agreed) < still) return Math.abs(meter) < still ? "Running on its own: nothing flows in or out." : withGrid(meter, home, tariff);
  if (Math.abs(meter) < still || meter > 0 !== agreed > 0) return otherwise(agreed, meter, home, tariff, minutes);
  return withNeighbours(home, agreed, meter, tariff);
}

function withGrid(w: number, home: Home, tariff: Tariff, now = "", more = ""): string {
  const [doing, to, at] = w < 0 ? ["Giving", "to", tariff.feed_in] : ["Taking", "from", tariff.retail];
  if (home.pool === undefined) return `${doing} ${watts(w)} ${to} the grid${now} at ${price(at, tariff.currency)}`;
  const grid = `${to} the grid at ${price(at, tariff.currency)}`;
  return `${doing} ${watts(w)}${more}${now}: what neighbours ${w < 0 ? "need of it" : "have over"} at ${price(home.pool, tariff.currency)}, the rest ${grid}`;
}

/** otherwise tells that what flows is not what was traded. */
function otherwise(agreed: number, meter: number, home: Home, tariff: Tariff, minutes: number): string {
  const traded = `${agreed < 0 ? "Sold" : "Bought"} ${watts(agreed)} ${agreed < 0 ? "to" : "from"} neighbours for ${period(minutes)}`;
  const flows = Math.abs(meter) < still ? "nothing flows in or out right now" : lower(withGrid(meter, home, tariff, " right now"));
  return `${traded}, but ${flows}${agreed < 0 ? reserved(home) : ""}`;
}

/** reserve is the state of charge below which a battery gives nothing to keep a sale, in per mille (docs/control.md). */
const reserve = 200;

/** reserved says that the battery does not make up for what was sold and is not given, where that is known. */
function reserved(home: Home): string {
  const batteries = home.devices.filter((d) => d.kind === "battery");
  const low = batteries.length > 0 && batteries.every((d) => d.online && d.charge !== undefined && d.charge < reserve);
  return low && !home.challenge ? "; the battery is less than a fifth full and keeps its reserve for the home" : "";
}

function withNeighbours(home: Home, agreed: number, meter: number, tariff: Tariff): string {
  const { bought, paid, sold, received } = home.contract;
  const selling = agreed < 0;
  const shared = Math.min(Math.abs(agreed), Math.abs(meter));
  const rest = Math.abs(meter) - shared;
  const missing = Math.abs(agreed) - shared;
  const at = price(((selling ? received : paid) * 1000) / (selling ? sold : bought), tariff.currency);
  const text = `${selling ? "Selling" : "Buying"} ${watts(shared)} ${selling ? "to" : "from"} neighbours at ${at}`;
  if (rest >= still) return `${text}, ${lower(withGrid(selling ? -rest : rest, home, tariff, "", " more"))}`;
  if (missing <= Math.max(still, Math.abs(agreed) / 10)) return text;
  return `${text}; ${watts(missing)} more was ${selling ? `sold than is given right now${reserved(home)}` : "bought than is used right now"}`;
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/**
 * expectation says what the interval of so many minutes brings or costs if the
 * forecast comes true: as traded, and at the grid's prices what the trades leave
 * over. It binds nobody: a home that does otherwise pays or gets for what it does.
 */
export function expectation(home: Home, tariff: Tariff, minutes: number): string {
  if (!home.expected) return "";
  const { money, short, over } = home.expected;
  const terms = home.contract.bought + home.contract.sold > 0 ? ["as traded"] : [];
  const left = [short > 0 ? leftOver(short, home, tariff) : "", over > 0 ? leftOver(-over, home, tariff) : ""].filter((t) => t !== "");
  if (left.length > 0) terms.push(`with ${left.join(" and ")}`);
  const nothing = Math.abs(money) < smallest(tariff.currency) / 2;
  const amount = nothing ? "about nothing" : `${about(money, tariff.currency)} ${money < 0 ? "spent" : "earned"}`;
  return `Forecast for ${period(minutes)}: ${amount}${terms.length > 0 ? `, ${terms.join(" and ")}` : ""}, if you use and produce as forecast`;
}

function leftOver(wh: number, home: Home, tariff: Tariff): string {
  const [to, at, whose] = wh < 0 ? ["to", tariff.feed_in, "need it"] : ["from", tariff.retail, "have it over"];
  const grid = `${energy(wh)} ${to} the grid at ${price(at, tariff.currency)}`;
  return home.pool === undefined ? grid : `${grid}, or ${to} neighbours who ${whose} at ${price(home.pool, tariff.currency)}`;
}

/** prices says what energy costs the home that it does not trade. */
export function prices(home: Home, tariff: Tariff): string {
  const grid = `the grid sells at ${price(tariff.retail, tariff.currency)} and pays ${price(tariff.feed_in, tariff.currency)}`;
  if (home.pool === undefined) return grid;
  return `${grid}; shared energy ${price(home.pool, tariff.currency)}: the price of what is not traded and is met by neighbours`;
}

/** own says by which tariff the home takes energy now, and what neighbours' energy avoids of it; undefined where that is not known. */
export function own(tariff: Home["tariff"]): { name: string; note: string } | undefined {
  if (!tariff) return undefined;
  const { community = 0, currency, retail } = tariff;
  const avoided = `avoids ${price(retail - community, currency)}`;
  const pays = community === 0 ? `${avoided}, the whole price of the grid` : `pays ${price(community, currency)} of the grid's price too, and ${avoided}`;
  return { name: tariff.name ?? tariff.version, note: `now a kWh from neighbours ${pays}` };
}

/** challenge says what the battery does for a storage challenge, and what such challenges bring and cost. */
export function challenge(c: NonNullable<Home["challenge"]>, currency: string): string {
  const does = `The battery answers a storage challenge until ${clock(c.until)}: it ${c.direction === "charge" ? "takes" : "gives"} ${watts(c.power)} more than it did.`;
  const earned = `It earned ${tokens(c.tokens)} for its last closed day`;
  if (c.cost === undefined) return `${does} ${earned}.`;
  if (c.cost === 0) return `${does} ${earned}; challenges cost ${money(0, currency)} today.`;
  return `${does} ${earned}; challenges ${c.cost < 0 ? "brought" : "cost"} ${about(c.cost, currency)} today.`;
}
