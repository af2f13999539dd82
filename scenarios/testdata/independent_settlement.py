#!/usr/bin/env python3
"""A second, independent settlement of an energy community, to check the first.

The program reads the result directory of a replay and settles every interval
anew: trades, own energy, pool, utility, in this order.  It was written from the
rules alone (the documents on money, on the market and on conventions) and shares
no code with the program that wrote the results, so that an error would have to
be made twice to stay unseen.  It knows the case of ONE tariff: in each interval
every metering point has the same retail price and the same feed-in price, and
retail is not below feed-in.  Of the rules that summary.json states it knows the
pool's prices "midpoint" and "off", and own energy at the same point or not; it
refuses the others.

    independent_settlement.py DIR                 a table for people
    independent_settlement.py DIR --json          the same for programs
    independent_settlement.py --self-test         cases worked out by hand

Exit 0: nothing differs.  Exit 1: something differs, and the first differences
are named.  Exit 2: the input cannot be read or is not of the kind known here.
Exit 3: the replay went by a rule that this program does not know.

Reading Parquet needs the package pyarrow.  If the package scipy is there, the
optimum of each interval with line fees is taken from a linear programme solved
by HiGHS as well; without it only an exact search of cheapest paths is used.
Everything else, the self-test included, needs the standard library only.

Units: energy in Wh, prices in millionths of the currency unit per kWh, money in
millionths of the currency unit.  A product of Wh and price is therefore a
thousandth of a millionth; such products are called "fine" money below and are
exact integers.  Money of a member is positive when the member receives it.
Flow over a line is positive towards the parent.
"""

import argparse
import json
import os
import random
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from fractions import Fraction


class InputError(Exception):
    """The input cannot be read, or lies outside of what this program knows."""


class UnknownRule(InputError):
    """The replay went by a rule that this program does not know."""


# ---------------------------------------------------------------------------
# Data of one interval
# ---------------------------------------------------------------------------

@dataclass(frozen=True)
class Rules:
    """How energy that no trade covers is shared."""

    pool: bool = True        # at the middle of retail and feed-in; else not at all
    same_point: bool = True  # a point's own import and export cancel


@dataclass
class Row:
    """One metering point in one interval, as the statement has it."""

    interval: int
    point: str
    member: str
    node: str
    quality: str
    imported: int
    exported: int
    bought: int = 0
    sold: int = 0
    own: int = 0
    own_given: object = None
    pool_bought: int = 0
    pool_sold: int = 0
    retail: int = 0
    feed_in: int = 0
    pool_price: int = 0
    fees: int = 0
    net: int = 0
    retail_only: int = 0
    without: object = None
    retail_price: int = 0
    feed_in_price: int = 0


@dataclass
class Trade:
    """Energy agreed ahead between two metering points, each at its own price."""

    interval: int
    buyer: str
    seller: str
    energy: int
    bid_price: int
    offer_price: int


class Feeder:
    """The radial feeder: nodes, the line of each to its parent, its fee.

    Limits do not matter here: what is settled has already flowed.
    """

    def __init__(self, lines=()):
        """Take (node, parent, fee) triples; no lines at all mean a single node."""
        lines = list(lines)
        self.single = len(lines) < 2
        self.parent, self.fee = {}, {}
        for node, parent, fee in lines:
            if node in self.parent:
                raise InputError(f"feeder: node {node!r} is there twice")
            self.parent[node] = parent or None
            self.fee[node] = (fee or 0) if parent else 0
            if self.fee[node] < 0:
                raise InputError(f"feeder: the fee of {node!r} is negative")
        if self.single:
            self.root = lines[0][0] if lines else "root"
            self.parent, self.fee = {self.root: None}, {self.root: 0}
        roots = [n for n, p in self.parent.items() if p is None]
        if len(roots) != 1:
            raise InputError(f"feeder: {len(roots)} nodes without a parent, one expected")
        self.root = roots[0]
        self.children = defaultdict(list)
        for node, parent in self.parent.items():
            if parent is not None:
                if parent not in self.parent:
                    raise InputError(f"feeder: parent {parent!r} of {node!r} is unknown")
                self.children[parent].append(node)
        # Parents come before their children in this order.
        self.order, self.depth = [self.root], {self.root: 0}
        for node in self.order:
            for child in self.children[node]:
                self.depth[child] = self.depth[node] + 1
                self.order.append(child)
        if len(self.order) != len(self.parent):
            raise InputError("feeder: the lines form a cycle")
        # A zone is a set of nodes joined by lines without fee.
        self.zone = {}
        for node in self.order:
            above = self.parent[node]
            same = above is not None and self.fee[node] == 0
            self.zone[node] = self.zone[above] if same else node
        self.has_fees = any(self.fee.values())

    def place(self, node):
        """Give the node of the feeder that a statement's node stands for."""
        if self.single:
            return self.root
        if node not in self.parent:
            raise InputError(f"statements: node {node!r} is not in the feeder")
        return node

    def flows(self, injection):
        """Turn net injections by node into the flow over the line of each node."""
        flow = {n: injection.get(n, 0) for n in self.order}
        for node in reversed(self.order):
            if self.parent[node] is not None:
                flow[self.parent[node]] += flow[node]
        flow[self.root] = 0
        return flow

    def cost(self, flow):
        """Give the fees of a flow, in fine money."""
        return sum(self.fee[n] * abs(flow[n]) for n in self.order)


# ---------------------------------------------------------------------------
# Rounding
# ---------------------------------------------------------------------------

def round_half_away(number, divisor=1000):
    """Divide and round to an integer, halves away from zero."""
    quotient, rest = divmod(abs(number), divisor)
    if 2 * rest >= divisor:
        quotient += 1
    return quotient if number >= 0 else -quotient


def largest_remainder(total, weights):
    """Split a total pro rata to weights into integers that add up to it.

    Ties go to whoever comes first.  The real rule breaks ties by a hash of
    accounts, which no result file has; so results agree only within one unit.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [total * w // whole for w in weights]
    rests = [total * w % whole for w in weights]
    ranked = sorted(range(len(weights)), key=lambda i: (-rests[i], i))
    for i in ranked[: total - sum(parts)]:
        parts[i] += 1
    return parts


def round_to_sum(exact, total):
    """Round fractions to integers that add up to a total, by largest remainder."""
    floors = [e.numerator // e.denominator for e in exact]
    ranked = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
    for i in ranked[: total - sum(floors)]:
        floors[i] += 1
    return floors


# ---------------------------------------------------------------------------
# The exact clearing over the feeder, by curves of net supply
# ---------------------------------------------------------------------------

def clear(feeder, shortages, surpluses, committed, retail, feed_in):
    """Clear shortages at the retail price against surpluses at the feed-in price.

    Shortages and surpluses are lists of (key, node, Wh).  A line costs its fee
    for each Wh of |committed flow + new flow|.  The result maps each key to the
    Wh that it takes, and each key to the Wh that it gives.  Welfare is maximal;
    among results of equal welfare the volume is maximal.

    Each node has a curve: its net supply, which grows with the price in steps.
    An offer adds its energy from its price upwards, a bid subtracts its energy
    up to its price, so passing the bid's price adds the energy back.  A line
    shifts the part of the curve where it exports up by the fee, and the part
    where it imports down by the fee.  At the root the supply must be zero; what
    each step contributes to that is then handed down the tree, and a step that
    is used in part is shared pro rata.

    Prices are taken four times, bids one above and offers one below, so that a
    Wh that gains exactly nothing moves all the same: this is the rule of the
    largest volume, and the shift is too small to change any other decision.
    """
    bid_at, offer_at = 4 * retail + 1, 4 * feed_in - 1
    base = dict.fromkeys(feeder.order, 0)
    steps = {n: defaultdict(list) for n in feeder.order}
    for key, node, energy in shortages:
        base[node] -= energy
        steps[node][bid_at].append(("bid", key, energy))
    for key, node, energy in surpluses:
        steps[node][offer_at].append(("offer", key, energy))
    for node in reversed(feeder.order):
        parent = feeder.parent[node]
        if parent is None:
            continue
        shift = 4 * feeder.fee[node]
        gross = base[node] + committed.get(node, 0)
        passed_on = Counter()
        for price in sorted(steps[node]):
            energy = sum(e for _, _, e in steps[node][price])
            importing = min(energy, max(0, -gross))
            passed_on[price - shift] += importing
            passed_on[price + shift] += energy - importing
            gross += energy
        base[parent] += base[node]
        for price, energy in passed_on.items():
            if energy:
                steps[parent][price].append(("line", node, energy))

    takes = {key: energy for key, _, energy in shortages}
    gives = {key: 0 for key, _, _ in surpluses}
    wanted = {n: base[n] for n in feeder.order}
    wanted[feeder.root] = 0
    for node in feeder.order:
        rest = wanted[node] - base[node]
        for price in sorted(steps[node]):
            parts = steps[node][price]
            weights = [e for _, _, e in parts]
            used = min(rest, sum(weights))
            rest -= used
            for (kind, key, _), wh in zip(parts, largest_remainder(used, weights)):
                if kind == "bid":
                    takes[key] -= wh
                elif kind == "offer":
                    gives[key] += wh
                else:
                    wanted[key] += wh
    return takes, gives


# ---------------------------------------------------------------------------
# The optimum by two other ways
# ---------------------------------------------------------------------------

def optimum_by_paths(feeder, shortage, surplus, committed, retail, feed_in):
    """Give the least cost in fine money, exactly, by cheapest paths.

    The cost is what the utility is paid for what stays short, less what it pays
    for what stays long, plus the fees of all lines on committed and new flow.
    As long as the cheapest path from a surplus to a shortage costs less than
    retail less feed-in, energy moves along it.  Against a flow a line's fee is
    gained instead of paid, until the flow is used up.
    """
    short = {n: w for n, w in shortage.items() if w}
    long = {n: w for n, w in surplus.items() if w}
    flow = {n: committed.get(n, 0) for n in feeder.order}
    cost = retail * sum(short.values()) - feed_in * sum(long.values()) + feeder.cost(flow)
    while short and long:
        best = None
        for start in long:
            # The tree has one path to each node, so one walk finds all costs.
            seen = {start: (0, None, None)}
            walk = [start]
            for node in walk:
                so_far = seen[node][0]
                parent = feeder.parent[node]
                hops = [(c, c, -1) for c in feeder.children[node]]
                if parent is not None:
                    hops.append((parent, node, +1))
                for other, line, way in hops:
                    if other not in seen:
                        relief = flow[line] * way < 0
                        fee = -feeder.fee[line] if relief else feeder.fee[line]
                        seen[other] = (so_far + fee, node, (line, way))
                        walk.append(other)
            for end in short:
                if end in seen and (best is None or seen[end][0] < best[0]):
                    best = (seen[end][0], start, end, seen)
        price, start, end, seen = best
        if price >= retail - feed_in:
            break
        path, node = [], end
        while node != start:
            _, previous, hop = seen[node]
            path.append(hop)
            node = previous
        amount = min(short[end], long[start])
        for line, way in path:
            if flow[line] * way < 0:
                amount = min(amount, abs(flow[line]))
        for line, way in path:
            flow[line] += way * amount
        cost += (price - (retail - feed_in)) * amount
        for side, place in ((short, end), (long, start)):
            side[place] -= amount
            if not side[place]:
                del side[place]
    return cost


def highs_or_none():
    """Give the solver of scipy if that package is installed."""
    try:
        from scipy.optimize import linprog
    except ImportError:
        return None
    return linprog


def optimum_by_highs(linprog, feeder, shortage, surplus, committed, retail, feed_in):
    """Give the same least cost by a linear programme, as a float.

    Variables for each node: Wh taken, Wh given, gross flow up, gross flow down.
    """
    nodes = feeder.order
    n = len(nodes)
    index = {node: i for i, node in enumerate(nodes)}
    objective = [-retail] * n + [feed_in] * n
    objective += [feeder.fee[v] for v in nodes] * 2
    bounds = [(0, shortage.get(v, 0)) for v in nodes]
    bounds += [(0, surplus.get(v, 0)) for v in nodes]
    bounds += [(0, 0 if v == feeder.root else None) for v in nodes] * 2
    matrix = [[0.0] * (4 * n) for _ in nodes]
    right = [0.0] * n
    for v in nodes:
        i = index[v]
        # What a node gives, less what it takes, leaves over its own line or
        # comes in over the lines of its children.
        matrix[i][i], matrix[i][n + i] = -1.0, 1.0
        if v == feeder.root:
            continue
        j = index[feeder.parent[v]]
        for row, sign in ((i, -1.0), (j, 1.0)):
            matrix[row][2 * n + i] += sign
            matrix[row][3 * n + i] -= sign
            right[row] += sign * committed.get(v, 0)
    result = linprog(objective, A_eq=matrix, b_eq=right, bounds=bounds, method="highs")
    if not result.success:
        raise InputError(f"linear programme: {result.message}")
    fixed = retail * sum(shortage.values()) - feed_in * sum(surplus.values())
    return fixed + result.fun


# ---------------------------------------------------------------------------
# Steps of the settlement
# ---------------------------------------------------------------------------

def short_and_long(row):
    """Step 1: what a point has short and long after its trades."""
    contract = row.bought - row.sold
    drawn = row.imported - max(contract, 0)
    given = row.exported - max(-contract, 0)
    short = max(drawn, 0) + max(-given, 0)
    long = max(given, 0) + max(-drawn, 0)
    return short, long


def own_energy(feeder, rows, takes_part, rules):
    """Step 2: own energy at the same point, then between points of one member.

    The result maps each point to (Wh at the same point, Wh from or to other
    points of the member).
    """
    same, cross = {}, {}
    by_member = defaultdict(list)
    for row in rows:
        same[row.point] = cross[row.point] = 0
        if row.quality in takes_part:
            same[row.point] = min(short_and_long(row)) if rules.same_point else 0
            by_member[row.member].append(row)
    for points in by_member.values():
        if len(points) < 2:
            continue
        if not rules.same_point:
            raise UnknownRule("own.same_point is false, and a member has several metering points:"
                              " this program settles that only with one point each")
        shortages, surpluses = left_after(feeder, points, same, cross)
        if shortages and surpluses:
            first = points[0]
            takes, gives = clear(feeder, shortages, surpluses, {},
                                 first.retail_price, first.feed_in_price)
            cross.update(takes)
            cross.update(gives)
    return same, cross


def left_after(feeder, rows, same, cross):
    """Give what is left short and long once own energy is taken off.

    What a point's lesser side has left is not zero only where its own import and
    export do not cancel; then it takes part on both sides.
    """
    shortages, surpluses = [], []
    for row in rows:
        short, long = short_and_long(row)
        short -= same[row.point]
        long -= same[row.point]
        if short > long:
            short -= cross[row.point]
        else:
            long -= cross[row.point]
        if short > 0:
            shortages.append((row.point, feeder.place(row.node), short))
        if long > 0:
            surpluses.append((row.point, feeder.place(row.node), long))
    return shortages, surpluses


def own_flows(feeder, rows, cross):
    """Give the flow over each line of the own energy of each member."""
    injection = defaultdict(Counter)
    for row in rows:
        if cross[row.point]:
            short, long = short_and_long(row)
            sign = 1 if long > short else -1
            injection[row.member][feeder.place(row.node)] += sign * cross[row.point]
    return {member: feeder.flows(at) for member, at in injection.items()}


def trade_flow(feeder, rows):
    """Give the net flow of all trades over each line."""
    injection = Counter()
    for row in rows:
        injection[feeder.place(row.node)] += row.sold - row.bought
    return feeder.flows(injection)


class PoolPrices:
    """Step 3, prices: who can reach whom, and what fees lie between.

    Nodes joined without fee are one zone.  Zones joined by lines that the pool
    uses are one part of the community; within it each pair of taker and giver
    shares evenly what retail less feed-in leaves after the fees between them.
    Whatever the pairs are, all takers of a part together then pay the middle
    price plus half of the fees, and all givers get the middle price less half
    of them: that is determined.  The price of a single point is determined
    where no fee lies in between; elsewhere it lies between the prices of the
    cheapest and the dearest partner that the flow can bring together.
    """

    def __init__(self, feeder, taken, given, committed, pool_flow):
        """Take Wh taken and given by node, and both flows by line."""
        self.given, self.taken = Counter(), Counter()
        for node in feeder.order:
            self.given[feeder.zone[node]] += given.get(node, 0)
            self.taken[feeder.zone[node]] += taken.get(node, 0)
        self.into, self.out = defaultdict(list), defaultdict(list)
        self.part = {z: z for z in set(feeder.zone.values())}
        self.fees = Counter()
        lines = []
        for node in feeder.order:
            flow, before = pool_flow[node], committed[node]
            if not flow or not feeder.fee[node]:
                continue
            here, above = feeder.zone[node], feeder.zone[feeder.parent[node]]
            start, end = (here, above) if flow > 0 else (above, here)
            fee = feeder.fee[node]
            paid = fee * (abs(before + flow) - abs(before))
            against = min(abs(flow), abs(before)) if flow * before < 0 else 0
            low = -fee if against else fee
            high = fee if against < abs(flow) else -fee
            mean = Fraction(paid, abs(flow))
            self.out[start].append((end, abs(flow), low, mean, high))
            self.into[end].append((start, abs(flow), low, mean, high))
            lines.append((here, above, paid))
        for here, above, _ in lines:
            old, new = self.part[here], self.part[above]
            for zone, part in self.part.items():
                if part == old:
                    self.part[zone] = new
        for here, _, paid in lines:
            self.fees[self.part[here]] += paid
        self.known = {}

    def fee_between(self, zone, taking):
        """Give (lowest, mean, highest) fee between a zone and its partners.

        The mean follows the flow: what meets at a zone mixes evenly.
        """
        key = (zone, taking)
        if key not in self.known:
            local = self.given[zone] if taking else self.taken[zone]
            edges = self.into[zone] if taking else self.out[zone]
            lows, highs, weighted, total = [], [], Fraction(0), local
            if local:
                lows.append(0)
                highs.append(0)
            for other, flow, low, mean, high in edges:
                low2, mean2, high2 = self.fee_between(other, taking)
                lows.append(low + low2)
                highs.append(high + high2)
                weighted += flow * (mean + mean2)
                total += flow
            self.known[key] = (min(lows, default=0),
                               weighted / total if total else Fraction(0),
                               max(highs, default=0))
        return self.known[key]


def settle(feeder, rows, trades, takes_part=("good",), rules=Rules()):
    """Settle one interval in full and give new rows.

    The check below does not use this function: it compares step by step.  The
    self-test uses it to make results that the check must accept.
    """
    bought, sold, paid = trade_sums(trades)
    rows = [replace(r, bought=bought[r.point], sold=sold[r.point]) for r in rows]
    same, cross = own_energy(feeder, rows, takes_part, rules)
    good = [r for r in rows if r.quality in takes_part]
    retail, feed_in = rows[0].retail_price, rows[0].feed_in_price
    each_own = own_flows(feeder, rows, cross)
    committed = trade_flow(feeder, rows)
    for flow in each_own.values():
        for node in flow:
            committed[node] += flow[node]
    shortages, surpluses = left_after(feeder, good, same, cross)
    takes, gives = {}, {}
    if rules.pool:
        takes, gives = clear(feeder, shortages, surpluses, committed, retail, feed_in)
    for row in rows:
        row.own = same[row.point] + cross[row.point]
        row.pool_bought = takes.get(row.point, 0)
        row.pool_sold = gives.get(row.point, 0)
        short, long = short_and_long(row)
        row.retail = short - (row.own if short > long else same[row.point]) - row.pool_bought
        row.feed_in = long - (same[row.point] if short > long else row.own) - row.pool_sold
    prices, _, _ = pool_prices(feeder, rows, committed)
    exact = []
    for row in rows:
        zone = feeder.zone[feeder.place(row.node)]
        middle = retail + feed_in
        taker = (middle + prices.fee_between(zone, True)[1]) / 2
        giver = (middle - prices.fee_between(zone, False)[1]) / 2
        exact.append((giver * row.pool_sold - taker * row.pool_bought) / 1000)
        energy = row.pool_sold + row.pool_bought
        row.pool_price = int((giver * row.pool_sold + taker * row.pool_bought) / (energy or 1))
    total = -round_half_away(sum(prices.fees.values()))
    pool_money = round_to_sum(exact, total)
    # A member's own fee is put on the first of its points that takes own energy.
    open_fee = {m: round_half_away(feeder.cost(f)) for m, f in each_own.items()}
    for row, money in zip(rows, pool_money):
        short, long = short_and_long(row)
        if short > long and cross[row.point]:
            row.fees = open_fee.pop(row.member, 0)
        row.net = (paid[row.point] + money - row.fees
                   - round_half_away(row.retail * retail)
                   + round_half_away(row.feed_in * feed_in))
        row.retail_only = (round_half_away(row.exported * feed_in)
                           - round_half_away(row.imported * retail))
        row.without = row.retail_only
    return rows


def trade_sums(trades):
    """Give Wh bought, Wh sold and money received (+) by metering point."""
    bought, sold, paid = Counter(), Counter(), Counter()
    for trade in trades:
        bought[trade.buyer] += trade.energy
        sold[trade.seller] += trade.energy
        paid[trade.buyer] -= round_half_away(trade.bid_price * trade.energy)
        paid[trade.seller] += round_half_away(trade.offer_price * trade.energy)
    return bought, sold, paid


def pool_prices(feeder, rows, committed):
    """Give the prices that follow from the pool energies in the rows, and the flow."""
    taken, given, injection = Counter(), Counter(), Counter()
    for row in rows:
        node = feeder.place(row.node)
        taken[node] += row.pool_bought
        given[node] += row.pool_sold
        injection[node] += row.pool_sold - row.pool_bought
    flow = feeder.flows(injection)
    return PoolPrices(feeder, taken, given, committed, flow), flow, sum(injection.values())


# ---------------------------------------------------------------------------
# The check
# ---------------------------------------------------------------------------

class Report:
    """Differences found, sums, and the figures that go with them."""

    def __init__(self, show=20):
        """Keep at most so many differences in full; all of them are counted."""
        self.show = show
        self.first = []
        self.by_check = Counter()
        self.sums = Counter()
        self.by_member = defaultdict(Counter)
        self.without_known = True

    def differ(self, check, interval, subject, have, want, note=""):
        """Take down one difference."""
        self.by_check[check] += 1
        if len(self.first) < self.show:
            self.first.append({"check": check, "interval": interval, "subject": subject,
                               "have": _plain(have), "want": _plain(want), "note": note})


def _plain(value):
    """Turn a fraction into something that JSON can hold."""
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return value


def check_interval(report, feeder, rows, trades, takes_part=("good",), linprog=None,
                   rules=Rules()):
    """Compare one interval of a result, step by step.

    Each step is checked against an own computation that starts from what the
    result says about the steps before.  So a Wh that went the other way in a
    tie is seen once, within its tolerance, and not in every later number.
    """
    when = rows[0].interval
    tariffs = {(r.retail_price, r.feed_in_price) for r in rows}
    if len(tariffs) != 1:
        raise InputError(f"interval {when}: {len(tariffs)} tariffs, but this program knows one")
    retail, feed_in = tariffs.pop()
    if retail < feed_in:
        raise InputError(f"interval {when}: feed-in {feed_in} is above retail {retail}")
    if len({r.point for r in rows}) != len(rows):
        raise InputError(f"interval {when}: a metering point has two rows")

    def differ(check, subject, have, want, note=""):
        report.differ(check, when, subject, have, want, note)

    # Trades, as agreed.
    bought, sold, paid = trade_sums(trades)
    known = {r.point for r in rows}
    for point in sorted((set(bought) | set(sold)) - known):
        differ("trade-without-row", point, bought[point] + sold[point], 0)
    for row in rows:
        if row.bought != bought[row.point]:
            differ("bought", row.point, row.bought, bought[row.point])
        if row.sold != sold[row.point]:
            differ("sold", row.point, row.sold, sold[row.point])

    # Own energy.  Where points of one member have to be rationed, the tie rule
    # may move 1 Wh at each level of the feeder; sums by member must be exact.
    same, cross = own_energy(feeder, rows, takes_part, rules)
    their_cross = {}
    own_have, own_want = Counter(), Counter()
    slack = {r.point: 1 + feeder.depth[feeder.place(r.node)] for r in rows}
    for row in rows:
        # Own energy from or to another point stands in the column of its side.
        # A file without the column own_given has both sides in the column own.
        short, long = short_and_long(row)
        mine, other, moved = row.own, row.own_given, cross[row.point]
        if other is not None and short <= long:
            mine, other = other, mine
        if abs(mine - same[row.point] - moved) > (slack[row.point] if moved else 0):
            differ("own", row.point, mine, same[row.point] + moved)
        if other is not None and other != same[row.point]:
            differ("own", row.point, other, same[row.point], "at the same point only")
        their_cross[row.point] = max(0, mine - same[row.point])
        if row.quality not in takes_part:
            their_cross[row.point] = 0
        own_have[row.member, short > long] += their_cross[row.point]
        own_want[row.member, short > long] += moved
    for member, taking in own_want:
        if own_have[member, taking] != own_want[member, taking]:
            differ("own-sum", member, own_have[member, taking], own_want[member, taking],
                   "taken" if taking else "given")

    # The fees of own energy, by member, at one millionth for each posting.
    each_own = own_flows(feeder, rows, their_cross)
    fees_have, points_of = Counter(), Counter()
    for row in rows:
        fees_have[row.member] += row.fees
        points_of[row.member] += 1
    for member, have in fees_have.items():
        fine = feeder.cost(each_own[member]) if member in each_own else 0
        if abs(1000 * have - fine) > (1000 * points_of[member] if fine else 0):
            differ("own-fee", member, have, Fraction(fine, 1000))

    # Pool energy.
    committed = trade_flow(feeder, rows)
    for flow in each_own.values():
        for node in flow:
            committed[node] += flow[node]
    good = [r for r in rows if r.quality in takes_part]
    shortages, surpluses = left_after(feeder, good, same, their_cross)
    takes, gives = {}, {}
    if rules.pool:
        takes, gives = clear(feeder, shortages, surpluses, committed, retail, feed_in)
    uneven = []
    for row in rows:
        for name, have, want in (("pool_bought", row.pool_bought, takes.get(row.point, 0)),
                                 ("pool_sold", row.pool_sold, gives.get(row.point, 0))):
            if abs(have - want) > slack[row.point]:
                uneven.append((name, row.point, have, want))
    volume = sum(takes.values())
    for name, have in (("pool_bought-sum", sum(r.pool_bought for r in rows)),
                       ("pool_sold-sum", sum(r.pool_sold for r in rows))):
        if have != volume:
            differ(name, "all", have, volume)
    prices, pool_flow, unbalanced = pool_prices(feeder, rows, committed)
    total_flow = {n: committed[n] + pool_flow[n] for n in feeder.order}

    # The rest, exactly what is left of each point's short and long.
    for row in rows:
        short, long = short_and_long(row)
        left_short, left_long = short - same[row.point], long - same[row.point]
        if short > long:
            left_short -= their_cross[row.point]
        else:
            left_long -= their_cross[row.point]
        want = left_short - row.pool_bought
        if row.retail != want or want < 0:
            differ("retail", row.point, row.retail, max(want, 0))
        want = left_long - row.pool_sold
        if row.feed_in != want or want < 0:
            differ("feed_in", row.point, row.feed_in, max(want, 0))

    # All that is bought from and sold to the utility, against the meters.
    sum_retail, sum_feed_in = sum(r.retail for r in rows), sum(r.feed_in for r in rows)
    balance = sum(r.imported - r.exported for r in rows)
    if rules.pool and not feeder.has_fees and len(good) == len(rows):
        if sum_retail != max(balance, 0):
            differ("retail-sum", "all", sum_retail, max(balance, 0))
        if sum_feed_in != max(-balance, 0):
            differ("feed_in-sum", "all", sum_feed_in, max(-balance, 0))
    if sum_retail - sum_feed_in != balance:
        differ("energy-balance", "all", sum_retail - sum_feed_in, balance)

    # The optimum, given own energy; without a pool nobody strives for it.  What
    # points with substituted values settle is not part of it.
    have = (retail * sum(r.retail for r in good) - feed_in * sum(r.feed_in for r in good)
            + feeder.cost(total_flow))
    shortage, surplus = Counter(), Counter()
    for _, node, energy in shortages:
        shortage[node] += energy
    for _, node, energy in surpluses:
        surplus[node] += energy
    problem = (feeder, shortage, surplus, committed, retail, feed_in)
    want = optimum_by_paths(*problem) if rules.pool else have
    if have != want:
        differ("optimum", "all", Fraction(have, 1000), Fraction(want, 1000))
    for difference in uneven:
        differ(*difference, "the optimum is met, but shared otherwise among equals"
               if have == want else "")
    if linprog and rules.pool and feeder.has_fees and shortage and surplus:
        # A float solution is held to one millionth of the currency unit.
        solved = optimum_by_highs(linprog, *problem)
        if abs(have - solved) > max(1000.0, 1e-9 * abs(solved)):
            differ("linear-programme", "all", Fraction(have, 1000), solved / 1000)
        report.sums["programmes"] += 1

    # Money of each point.  Everything but the pool is known to the millionth.
    part_taken, part_given, part_points = Counter(), Counter(), Counter()
    part_money = {True: Counter(), False: Counter()}
    part_mixed = set()  # parts with a point on both sides, whose net hides either's money
    pool_total = points_in_pool = 0
    for row in rows:
        point, zone = row.point, feeder.zone[feeder.place(row.node)]
        other = (paid[point] - row.fees - round_half_away(row.retail * retail)
                 + round_half_away(row.feed_in * feed_in))
        money = row.net - other
        pool_total += money
        sides = [(taking, wh) for taking, wh in ((True, row.pool_bought), (False, row.pool_sold))
                 if wh]
        energy = row.pool_bought + row.pool_sold
        if not energy:
            if money:
                differ("net", point, row.net, other)
            if row.pool_price:
                differ("pool_price", point, row.pool_price, 0)
        else:
            points_in_pool += 1
            if len(sides) > 1 and rules.same_point:
                differ("pool-both-ways", point, row.pool_sold, 0)
            check_pool_money(report, row, sides, prices, zone, money, other)
            part = prices.part[zone]
            if len(sides) > 1:
                part_mixed.add(part)
            part_money[sides[0][0]][part] += money
            part_points[part] += len(sides)
            part_taken[part] += row.pool_bought
            part_given[part] += row.pool_sold
        alone = round_half_away(row.exported * feed_in) - round_half_away(row.imported * retail)
        if abs(row.retail_only - alone) > (row.imported > 0) + (row.exported > 0):
            differ("retail_only", point, row.retail_only, alone)

    # Money of the pool, by part and over all.  Without fees it is zero exactly.
    for part in part_points:
        fees, energy = prices.fees[part], part_taken[part]
        if energy != part_given[part]:
            continue  # The energies differ, and that was said above.
        if part in part_mixed:
            have = part_money[True][part] + part_money[False][part]
            if abs(have + Fraction(fees, 1000)) > part_points[part]:
                differ("pool-total", "all", have, Fraction(-fees, 1000),
                       f"part of the feeder at {part}")
            continue
        for taking, sign in ((True, -1), (False, 1)):
            want = sign * Fraction(energy * (retail + feed_in) - sign * fees, 2000)
            have = part_money[taking][part]
            if abs(have - want) > part_points[part]:
                differ("pool-total", "takers" if taking else "givers", have, want,
                       f"part of the feeder at {part}")
    pool_fees = sum(prices.fees.values())
    fee_lines = sum(1 for n in feeder.order if feeder.fee[n] and pool_flow[n])
    if not unbalanced and abs(1000 * pool_total + pool_fees) > 1000 * fee_lines:
        differ("pool-sum", "all", pool_total, Fraction(-pool_fees, 1000))

    # The members' money, the utility's, the grid's; the remainder is the fund's.
    utility = sum(round_half_away(r.retail * retail) - round_half_away(r.feed_in * feed_in)
                  for r in rows)
    net = sum(r.net for r in rows)
    grid = round_half_away(feeder.cost(total_flow))
    fund = -net - utility - grid
    if fund < -(len(trades) + len(rows) + len(feeder.order) if feeder.has_fees else 0):
        differ("fund", "all", fund, 0, "members, utility and grid take more than there is")

    # Sums for the figures.
    imported, exported = sum(r.imported for r in rows), sum(r.exported for r in rows)
    node_import, node_export = Counter(), Counter()
    for row in rows:
        node_import[feeder.place(row.node)] += row.imported
        node_export[feeder.place(row.node)] += row.exported
    alone = retail * imported - feed_in * exported
    if feeder.has_fees:
        shared = optimum_by_paths(feeder, node_import, node_export, {}, retail, feed_in)
    else:
        shared = retail * max(balance, 0) - feed_in * max(-balance, 0)
    traded = sum(t.energy for t in trades)
    # Traded and delivered: net purchases up to the meter's import, net sales up
    # to its export, and of these two sums the smaller.
    delivered = min(sum(min(max(r.bought - r.sold, 0), r.imported) for r in rows),
                    sum(min(max(r.sold - r.bought, 0), r.exported) for r in rows))
    report.sums.update({
        "intervals": 1, "rows": len(rows), "trades": len(trades), "net": net,
        "retail_only": sum(r.retail_only for r in rows), "utility": utility, "grid": grid,
        "fund": fund, "pool_energy": volume if unbalanced else sum(r.pool_bought for r in rows),
        "own_fees": sum(r.fees for r in rows), "pool_points": points_in_pool,
        "traded": traded, "sharable": min(imported, exported),
        "delivered": delivered, "imported": imported, "exported": exported,
        "imbalance": sum(sum(short_and_long(r)) for r in rows),
        "retail": sum_retail, "feed_in": sum_feed_in, "sharing_gain": alone - shared,
        "estimated_rows": len(rows) - len(good)})
    for row in rows:
        member = report.by_member[row.member]
        member["net"] += row.net
        member["metered_value"] += abs(retail * row.imported) + abs(feed_in * row.exported)
        if row.without is None:
            report.without_known = False
        else:
            member["without"] += row.without


def check_pool_money(report, row, sides, prices, zone, money, other):
    """Compare what a point got from the pool with what its energy is worth there.

    Each side lies between the cheapest and the dearest partner, and is rounded once.
    """
    middle = row.retail_price + row.feed_in_price
    low = high = exact = cheap = dear = Fraction(0)
    for taking, energy in sides:
        sign = -1 if taking else 1
        fees = prices.fee_between(zone, taking)
        worth = [energy * Fraction(middle - sign * fee, 2000) for fee in fees]
        cheap += min(worth[0], worth[2])
        dear += max(worth[0], worth[2])
        low += min(sign * worth[0], sign * worth[2])
        high += max(sign * worth[0], sign * worth[2])
        exact += sign * worth[1]
    if not low - len(sides) < money < high + len(sides):
        report.differ("net", row.interval, row.point, row.net,
                      other + (low if money < low else high))
    report.sums["priced_as_mixed"] += abs(money - exact) < len(sides)
    # The price is rounded to an integer, so each kWh may be off by one.  A point on
    # both sides has the mean of the two, and its net does not tell them apart.
    energy = sum(wh for _, wh in sides)
    if len(sides) == 1:
        cheap = dear = -money if sides[0][0] else money
    slack = 1000 * len(sides) + energy
    if not 1000 * cheap - slack <= row.pool_price * energy <= 1000 * dear + slack:
        report.differ("pool_price", row.interval, row.point, row.pool_price,
                      Fraction(1000 * cheap, energy))


def figures(report):
    """Give the figures of the whole period."""
    sums = report.sums
    gain = sums["sharing_gain"]
    share = None
    if gain:
        share = round_half_away(1000 * 1000 * (sums["net"] - sums["retail_only"]), gain)
    worse = None
    if report.without_known:
        # One thousandth of the metered value, or one hundredth of the unit.
        # Metered values are fine money, hence the factor of a million.
        worse = sorted(m for m, s in report.by_member.items()
                       if (s["without"] - s["net"]) * 10**6
                       > max(s["metered_value"], 10_000 * 10**6))
    sharable = sums["sharable"]

    def per_mille(part):
        return round_half_away(1000 * part, sharable) if sharable else None

    return {"perfect_sharing_share": share,
            "members_worse_off": None if worse is None else len(worse),
            "worse_off": worse,
            "pool_energy": sums["pool_energy"],
            "trades_to_sharable": per_mille(sums["traded"]),
            "trades_coverage": per_mille(sums["delivered"])}


def compare_with_summary(report, values, summary):
    """Compare the figures with those that the result itself states."""
    wanted = {name: values[name] for name in
              ("perfect_sharing_share", "members_worse_off", "pool_energy")}
    wanted |= {name: report.sums[key] for name, key in (
        ("imported", "imported"), ("exported", "exported"), ("traded", "traded"),
        ("retail", "retail"), ("feed_in", "feed_in"), ("net", "net"),
        ("retail_only", "retail_only"), ("imbalance_energy", "imbalance"),
        ("shareable_energy", "sharable"), ("traded_and_delivered", "delivered"))}
    for name, want in wanted.items():
        if name not in summary:
            continue
        have = summary[name]
        if name == "members_worse_off" and want is None:
            continue
        slack = 1 if name == "perfect_sharing_share" else 0
        if (have is None) != (want is None) or (have is not None and abs(have - want) > slack):
            report.differ("summary", None, name, have, want)


def both_ways(rows, homes, threshold=20):
    """Give (intervals with energy both in and out above a threshold, intervals).

    Homes are names of metering points or of members; each of their rows counts.
    """
    mine = [r for r in rows if r.point in homes or r.member in homes]
    return sum(r.imported > threshold and r.exported > threshold for r in mine), len(mine)


# ---------------------------------------------------------------------------
# Reading a result directory
# ---------------------------------------------------------------------------

def read_json_lines(path):
    """Give the columns of a file with a JSON object a line as lists, by name."""
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def read_parquet(path):
    """Give the columns of a Parquet file as lists, by name.

    Where pyarrow is not to be had, somebody may lay the same rows beside it, one
    JSON object a line, in NAME.jsonl."""
    beside = path.removesuffix(".parquet") + ".jsonl"
    if os.path.exists(beside):
        if os.path.exists(path) and os.path.getmtime(beside) < os.path.getmtime(path):
            raise InputError(f"{os.path.basename(beside)} is older than the table beside it:"
                             " remove it, or lay the rows there anew")
        return read_json_lines(beside)
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise InputError("reading Parquet needs the Python package pyarrow") from error
    try:
        table = pyarrow.parquet.ParquetFile(path).read()
    except (OSError, ValueError) as error:
        raise InputError(f"{os.path.basename(path)}: {error}") from error
    return {name: table.column(name).to_pylist() for name in table.column_names}


def columns(table, file, names):
    """Give the named columns, or say which are missing."""
    missing = [n for n in names if n not in table]
    if missing:
        raise InputError(f"{file}: columns missing: {', '.join(missing)}")
    return [table[n] for n in names]


def seconds(value):
    """Give unix seconds of an interval, whichever way the file holds it."""
    return int(value.timestamp()) if hasattr(value, "timestamp") else int(value)


STATEMENT = ("interval", "metering_point", "member", "node", "quality", "import", "export",
             "bought", "sold", "own", "own_given", "pool_bought", "pool_sold", "retail", "feed_in",
             "pool_price", "fees", "net", "retail_only", "without", "retail_price",
             "feed_in_price")


def read_directory(directory):
    """Give (summary, feeder, rows by interval, trades by interval)."""
    try:
        with open(os.path.join(directory, "summary.json"), encoding="utf-8") as file:
            summary = json.load(file)
    except (OSError, ValueError) as error:
        raise InputError(f"summary.json: {error}") from error
    path = os.path.join(directory, "feeder.parquet")
    lines = []
    if os.path.exists(path) or os.path.exists(path.removesuffix(".parquet") + ".jsonl"):
        lines = zip(*columns(read_parquet(path), "feeder.parquet", ("node", "parent", "fee")))
    feeder = Feeder(lines)
    table = read_parquet(os.path.join(directory, "statements.parquet"))
    rows = defaultdict(list)
    # Beside these a file may say in a column of its own what own energy was given.
    table.setdefault("own_given", [None] * len(table.get("interval", ())))
    for values in zip(*columns(table, "statements.parquet", STATEMENT)):
        when = seconds(values[0])
        rows[when].append(Row(when, *values[1:]))
    table = read_parquet(os.path.join(directory, "trades.parquet"))
    if "bid_price" not in table and "price" in table:
        table["bid_price"] = table["offer_price"] = table["price"]
    names = ("interval", "buyer", "seller", "energy", "bid_price", "offer_price")
    trades = defaultdict(list)
    for values in zip(*columns(table, "trades.parquet", names)):
        when = seconds(values[0])
        trades[when].append(Trade(when, *values[1:]))
    return summary, feeder, rows, trades


def rules_of(summary):
    """Give the rules that summary.json states; one without them went by the usual ones."""
    price = summary.get("pool", {}).get("price", "midpoint")
    if price not in ("midpoint", "off"):
        raise UnknownRule(f"pool.price is {price!r}: this program settles midpoint and off only")
    return Rules(price != "off", summary.get("own", {}).get("same_point", True))


def check_directory(directory, options):
    """Check a result directory and give what is to be printed."""
    summary, feeder, rows, trades = read_directory(directory)
    linprog = highs_or_none() if options.lp in ("auto", "highs") else None
    if options.lp == "highs" and linprog is None:
        raise InputError("--lp highs needs the Python package scipy")
    report, rules = Report(options.show), rules_of(summary)
    for when in sorted(set(trades) - set(rows)):
        report.differ("trade-without-row", when, "all", len(trades[when]), 0)
    part = tuple(options.takes_part.split(","))
    for when in sorted(rows):
        check_interval(report, feeder, rows[when], trades[when], part, linprog, rules)
    values = figures(report)
    compare_with_summary(report, values, summary)
    if options.homes:
        homes = set(options.homes.split(","))
        found = {r.point for rs in rows.values() for r in rs}
        found |= set(report.by_member)
        if homes - found:
            raise InputError(f"--homes: unknown: {', '.join(sorted(homes - found))}")
        count, of = both_ways([r for rs in rows.values() for r in rs], homes)
        values["both_ways_intervals"], values["home_intervals"] = count, of
        values["both_ways_share"] = round_half_away(1000 * count, of) if of else None
    sums = {k: report.sums[k] for k in (
        "intervals", "rows", "estimated_rows", "imported", "exported", "trades", "traded",
        "delivered", "imbalance", "sharable", "retail", "feed_in", "net", "retail_only",
        "utility", "grid", "own_fees", "fund",
        "pool_points", "priced_as_mixed", "programmes")}
    sums["sharing_gain"] = round_half_away(report.sums["sharing_gain"])
    return {"currency": summary.get("currency"), "differences": sum(report.by_check.values()),
            "by_check": dict(sorted(report.by_check.items())), "first": report.first,
            "optimum": "paths and highs" if linprog else "paths",
            "sums": sums, "kpis": values}


LABELS = (
    ("intervals", "Intervals", "count"), ("rows", "Rows of statements", "count"),
    ("estimated_rows", "  of these with substituted values", "count"),
    ("trades", "Trades", "count"), ("traded", "Energy traded ahead", "energy"),
    ("delivered", "  and delivered", "energy"),
    ("imbalance", "Energy that no trade covers", "energy"),
    ("sharable", "Energy that could be shared", "energy"),
    ("retail", "Bought from the utility", "energy"), ("feed_in", "Sold to the utility", "energy"),
    ("net", "Members receive in all", "money"),
    ("retail_only", "Members would receive alone", "money"),
    ("sharing_gain", "Worth of perfect sharing", "money"),
    ("utility", "Utility receives", "money"), ("grid", "Grid fees on the net flow", "money"),
    ("own_fees", "  of own energy", "money"), ("fund", "Stays in the fund", "money"),
    ("pool_points", "Postings of the pool", "count"),
    ("priced_as_mixed", "  priced as the flow mixes", "count"),
    ("programmes", "Linear programmes solved", "count"))

KPI_LABELS = (
    ("perfect_sharing_share", "Share of perfect sharing", "per mille"),
    ("members_worse_off", "Members worse off", "count"),
    ("pool_energy", "Energy of the pool", "energy"),
    ("trades_to_sharable", "Traded against sharable", "per mille"),
    ("trades_coverage", "  as far as it was delivered", "per mille"),
    ("both_ways_share", "Home intervals both ways", "per mille"))


def as_table(result):
    """Give the lines that people read."""
    currency = result["currency"] or "units"

    def line(label, value, kind):
        if value is None:
            text = "none"
        elif kind == "money":
            text = f"{value / 1e6:,.6f} {currency}"
        elif kind == "energy":
            text = f"{value:,} Wh"
        elif kind == "per mille":
            text = f"{value / 10:.1f} %"
        else:
            text = f"{value:,}"
        return f"  {label:<36}{text:>24}"

    lines = [line(label, result["sums"][name], kind) for name, label, kind in LABELS]
    lines.append("")
    lines += [line(label, result["kpis"][name], kind) for name, label, kind in KPI_LABELS
              if name in result["kpis"]]
    if result["kpis"]["worse_off"]:
        lines.append(f"  Worse off: {', '.join(result['kpis']['worse_off'])}")
    lines.append("")
    if not result["differences"]:
        lines.append("Nothing differs.")
        return lines
    lines.append(f"{result['differences']} differences:")
    lines += [f"  {check:<20}{count:>8}" for check, count in result["by_check"].items()]
    lines.append("The first of them:")
    for d in result["first"]:
        note = f" ({d['note']})" if d["note"] else ""
        lines.append(f"  interval {d['interval']} {d['subject']}: {d['check']} is {d['have']},"
                     f" expected {d['want']}{note}")
    return lines


# ---------------------------------------------------------------------------
# Self-test
# ---------------------------------------------------------------------------

R, F = 300_000, 60_000          # 0.30 and 0.06 of the currency unit per kWh
FEE = 20_000                    # 0.02 per kWh


def point(name, imported=0, exported=0, **more):
    """Make a row for the self-test; its member has the name of the point."""
    more.setdefault("member", name)
    more.setdefault("node", "root")
    more.setdefault("quality", "good")
    more.setdefault("retail_price", R)
    more.setdefault("feed_in_price", F)
    return Row(interval=0, point=name, imported=imported, exported=exported, **more)


def differences(feeder, rows, trades=(), **more):
    """Check rows and give the names of the checks that failed."""
    report = Report()
    check_interval(report, feeder, rows, list(trades), linprog=highs_or_none(), **more)
    return dict(report.by_check)


def numbers(rows):
    """Give what the hand-made cases state for each point."""
    return {r.point: (r.own, r.pool_bought, r.pool_sold, r.retail, r.feed_in, r.fees, r.net)
            for r in rows}


def expect(what, have, want):
    """Stop the self-test where a number is not as worked out by hand."""
    if have != want:
        raise AssertionError(f"{what}:\n  have {have}\n  want {want}")


def hand_cases():
    """Give (name, feeder, rows, trades, numbers by point) worked out by hand.

    The numbers are: own, pool bought, pool sold, retail, feed-in [Wh]; fees, net
    [millionths].
    """
    one = Feeder()
    two = Feeder([("root", None, 0), ("street", "root", FEE)])
    dear = Feeder([("root", None, 0), ("street", "root", 300_000)])
    cases = []

    # A imports 1,000, B exports 600.  The pool moves 600 at (0.30+0.06)/2 = 0.18:
    # 0.108.  A buys 400 at 0.30: 0.12, in all -0.228.  B gets 0.108.
    cases.append(("one node", one, [point("A", 1000), point("B", 0, 600)], [],
                  {"A": (0, 600, 0, 400, 0, 0, -228_000), "B": (0, 0, 600, 0, 0, 0, 108_000)}))

    # 600 for shortages of 1,000 and 500, pro rata 400 and 200.  A: 400 x 0.18 =
    # 0.072 and 600 x 0.30 = 0.18.  C: 0.036 and 300 x 0.30 = 0.09.
    cases.append(("one node, rationed", one,
                  [point("A", 1000), point("C", 500), point("B", 0, 600)], [],
                  {"A": (0, 400, 0, 600, 0, 0, -252_000), "C": (0, 200, 0, 300, 0, 0, -126_000),
                   "B": (0, 0, 600, 0, 0, 0, 108_000)}))

    # A bought 500 of B at 0.20, but imports only 200 and even exports 100: of the
    # contract 300 are left over, so long = 100 + 300 = 400.  B sold 500, exports
    # 350 and imports 50: short = 50 + 150 = 200.  The pool moves 200 from A to B
    # at 0.18 = 0.036; A sells 200 at 0.06 = 0.012.  A: -0.1 + 0.036 + 0.012.
    # B: +0.1 - 0.036.
    cases.append(("deviation from trades", one, [point("A", 200, 100), point("B", 50, 350)],
                  [Trade(0, "A", "B", 500, 200_000, 200_000)],
                  {"A": (0, 0, 200, 0, 200, 0, -52_000), "B": (0, 200, 0, 0, 0, 0, 64_000)}))

    # G at the root gives 500, T in the street takes them over a line of 0.02.  Of
    # 0.30 - 0.06 - 0.02 = 0.22 each has half: T pays 0.19 (0.095), G gets 0.17
    # (0.085), the grid 500 x 0.02 = 0.01.
    cases.append(("two nodes", two, [point("G", 0, 500), point("T", 500, node="street")], [],
                  {"G": (0, 0, 500, 0, 0, 0, 85_000), "T": (0, 500, 0, 0, 0, 0, -95_000)}))

    # T and U take in the street, H gives 300 there and G 300 at the root; short
    # are 400 and 200.  All 600 move.  Takers pay (0.30+0.06)/2 plus half of the
    # 300 x 0.02 = 0.006: in all 600 x 0.18 + 0.003 = 0.111, each Wh half from
    # either giver: 0.185, so T 0.074, U 0.037.  H: 300 x 0.18 = 0.054.  G: 300 x
    # 0.17 = 0.051.  0.111 = 0.105 + 0.006.
    cases.append(("two nodes, mixed", two,
                  [point("G", 0, 300), point("H", 0, 300, node="street"),
                   point("T", 400, node="street"), point("U", 200, node="street")], [],
                  {"G": (0, 0, 300, 0, 0, 0, 51_000), "H": (0, 0, 300, 0, 0, 0, 54_000),
                   "T": (0, 400, 0, 0, 0, 0, -74_000), "U": (0, 200, 0, 0, 0, 0, -37_000)}))

    # P in the street sold 400 to Q at the root, Q pays 0.20, P gets 0.18; both
    # keep to it.  G at the root has 300 long, T in the street 300 short.  The
    # pool's 300 go against the 400, so the fee comes back: of 0.30 - 0.06 + 0.02
    # = 0.26 each has 0.13.  T pays 0.17 (0.051), G gets 0.19 (0.057).  Trades
    # paid 0.008, the pool gets 0.006 back, the grid keeps 100 x 0.02 = 0.002.
    against = [Trade(0, "Q", "P", 400, 200_000, 180_000)]
    cases.append(("counterflow to trades", two,
                  [point("P", 0, 400, node="street"), point("Q", 400),
                   point("G", 0, 300), point("T", 300, node="street")], against,
                  {"P": (0, 0, 0, 0, 0, 0, 72_000), "Q": (0, 0, 0, 0, 0, 0, -80_000),
                   "G": (0, 0, 300, 0, 0, 0, 57_000), "T": (0, 300, 0, 0, 0, 0, -51_000)}))

    # The same with a fee of 0.30, above 0.30 - 0.06: only the 400 that relieve
    # the line move, of 500.  Each pair shares 0.24 + 0.30 = 0.54: T pays 0.30 -
    # 0.27 = 0.03 (0.012) and 100 at retail (0.03); G gets 0.33 (0.132) and 100
    # at feed-in (0.006).  The trade pays 0.32 and gives 0.02: P 0.008, Q -0.128.
    cases.append(("relief alone", dear,
                  [point("P", 0, 400, node="street"), point("Q", 400),
                   point("G", 0, 500), point("T", 500, node="street")],
                  [Trade(0, "Q", "P", 400, 320_000, 20_000)],
                  {"P": (0, 0, 0, 0, 0, 0, 8_000), "Q": (0, 0, 0, 0, 0, 0, -128_000),
                   "G": (0, 0, 400, 0, 100, 0, 138_000),
                   "T": (0, 400, 0, 100, 0, 0, -42_000)}))

    # Roof and flat of M at one node, 1,000 each: no cost at all.  The neighbour
    # N comes after: 500 at retail, 0.15.
    cases.append(("roof and flat", one,
                  [point("roof", 0, 1000, member="M"), point("flat", 1000, member="M"),
                   point("N", 500)], [],
                  {"roof": (1000, 0, 0, 0, 0, 0, 0), "flat": (1000, 0, 0, 0, 0, 0, 0),
                   "N": (0, 0, 0, 500, 0, 0, -150_000)}))

    # The flat stands in the street: 800 of 1,000 cross the line, 0.016 in fees.
    # The roof's other 200 go to N at 0.18 = 0.036, N buys 300 at 0.30 = 0.09.
    cases.append(("roof and flat apart", two,
                  [point("roof", 0, 1000, member="M"),
                   point("flat", 800, member="M", node="street"), point("N", 500)], [],
                  {"roof": (800, 0, 200, 0, 0, 0, 36_000),
                   "flat": (800, 0, 0, 0, 0, 16_000, -16_000),
                   "N": (0, 200, 0, 300, 0, 0, -126_000)}))

    # Over a line of 0.30 own energy is dearer than the utility: 800 x 0.30 = 0.24
    # for the flat, 1,000 x 0.06 = 0.06 for the roof.
    cases.append(("roof and flat too far apart", dear,
                  [point("roof", 0, 1000, member="M"),
                   point("flat", 800, member="M", node="street")], [],
                  {"roof": (0, 0, 0, 0, 1000, 0, 60_000),
                   "flat": (0, 0, 0, 800, 0, 0, -240_000)}))

    # A fee of exactly 0.24 gains nothing, and the energy moves all the same.
    # The pair has nothing to share: T pays 0.30 (0.15), G gets 0.06 (0.03).
    level = Feeder([("root", None, 0), ("street", "root", 240_000)])
    cases.append(("largest volume at no gain", level,
                  [point("G", 0, 500), point("T", 500, node="street")], [],
                  {"G": (0, 0, 500, 0, 0, 0, 30_000), "T": (0, 500, 0, 0, 0, 0, -150_000)}))

    # Both ways over one meter: 200 cancel as own energy, 100 are bought: 0.03.
    cases.append(("same point", one, [point("A", 300, 200)], [],
                  {"A": (200, 0, 0, 100, 0, 0, -30_000)}))

    # E's value is estimated.  Of its 500 the trade covers 300 (at 0.10: 0.03), the
    # other 200 are at retail (0.06) although B has 200 long; B gets 0.03 and sells
    # 200 at feed-in (0.012).
    cases.append(("estimated point", one,
                  [point("E", 500, quality="estimated"), point("B", 0, 500)],
                  [Trade(0, "E", "B", 300, 100_000, 100_000)],
                  {"E": (0, 0, 0, 200, 0, 0, -90_000), "B": (0, 0, 0, 0, 200, 0, 42_000)}))

    # An estimated point's own import and export do not cancel either: 0.09 and
    # 0.012, in all -0.078.
    cases.append(("estimated point, both ways", one,
                  [point("E", 300, 200, quality="estimated")], [],
                  {"E": (0, 0, 0, 300, 200, 0, -78_000)}))

    # R + F is odd: a kWh costs 180,000.5.  333 Wh cost 59,940.1665, 667 Wh
    # 120,060.3335, and 1,000 Wh bring 180,000.5.  Rounded down (away from zero
    # for those who pay) the sum is -59,941 - 120,061 + 180,000 = -2; the two
    # largest remainders, 0.8335 and 0.6665, get one more each.
    odd = {"retail_price": 300_001}
    cases.append(("odd sum of prices", one,
                  [point("A", 333, **odd), point("B", 667, **odd), point("G", 0, 1000, **odd)], [],
                  {"A": (0, 333, 0, 0, 0, 0, -59_940), "B": (0, 667, 0, 0, 0, 0, -120_060),
                   "G": (0, 0, 1000, 0, 0, 0, 180_000)}))
    return cases


def from_numbers(row, trades, values):
    """Fill in a row with numbers worked out by hand."""
    own, taken, given, retail, feed_in, fees, net = values
    bought, sold, paid = trade_sums(trades)
    money = (net - paid[row.point] + fees + round_half_away(retail * row.retail_price)
             - round_half_away(feed_in * row.feed_in_price))
    return replace(row, own=own, pool_bought=taken, pool_sold=given, retail=retail,
                   feed_in=feed_in, fees=fees, net=net, bought=bought[row.point],
                   sold=sold[row.point],
                   pool_price=abs(money) * 1000 // (taken or given or 1),
                   retail_only=round_half_away(row.exported * row.feed_in_price)
                   - round_half_away(row.imported * row.retail_price))


def test_hand_cases():
    """Settle each case, check what was worked out, and see every error found."""
    for name, feeder, rows, trades, want in hand_cases():
        expect(name, numbers(settle(feeder, rows, trades)), want)
        made = [from_numbers(r, trades, want[r.point]) for r in rows]
        expect(f"{name}: check", differences(feeder, made, trades), {})
        # The same with own energy taken and given in two columns.
        same, cross = own_energy(feeder, made, ("good",), Rules())
        apart = []
        for row in made:
            short, long = short_and_long(row)
            moved = cross[row.point]
            apart.append(replace(row, own=same[row.point] + (moved if short > long else 0),
                                 own_given=same[row.point] + (moved if long > short else 0)))
        expect(f"{name}: two columns", differences(feeder, apart, trades), {})
        for i, row in enumerate(apart):
            wrong = list(apart)
            wrong[i] = replace(row, own_given=row.own_given + 7)
            if not differences(feeder, wrong, trades):
                raise AssertionError(f"{name}: own_given of {row.point} changed unseen")
        for i, row in enumerate(made):
            for column, step in (("own", 7), ("pool_bought", 7), ("pool_sold", 7), ("retail", 1),
                                 ("feed_in", 1), ("fees", 5), ("net", 5), ("net", -5),
                                 ("bought", 1), ("sold", 1), ("retail_only", 5)):
                wrong = list(made)
                wrong[i] = replace(row, **{column: getattr(row, column) + step})
                if not differences(feeder, wrong, trades):
                    raise AssertionError(f"{name}: {column} of {row.point} changed unseen")


def test_rules():
    """Settle by other rules than the usual ones, worked out by hand."""
    one, apart, off = Feeder(), Rules(same_point=False), Rules(pool=False)
    level = Feeder([("root", None, 0), ("street", "root", FEE)])
    for name, rules, feeder, rows, want in (
            # 300 at retail, 0.09; 200 at feed-in, 0.012.
            ("both ways, nothing shared", Rules(False, False), one, [point("A", 300, 200)],
             {"A": (0, 0, 0, 300, 200, 0, -78_000)}),
            # A's 200 meet its own 300 in the pool, at no gain; 100 at retail.
            ("both ways in the pool", apart, one, [point("A", 300, 200)],
             {"A": (0, 200, 200, 100, 0, 0, -30_000)}),
            # Without a pool 1,000 at retail, 600 at feed-in; C's 50 cancel.
            ("no pool", off, one, [point("A", 1000), point("B", 0, 600), point("C", 50, 50)],
             {"A": (0, 0, 0, 1000, 0, 0, -300_000), "B": (0, 0, 0, 0, 600, 0, 36_000),
              "C": (50, 0, 0, 0, 0, 0, 0)}),
            # A needs 300 and gives 100 at the root, G gives 300 in the street: A's
            # own 100 are as good as without a line, 200 of G's come over it at 0.02.
            # Takers pay 0.054 and half of 0.004: 0.056.  A gets 100 x 0.18 = 0.018,
            # G 200 x 0.17 = 0.034 and 100 x 0.06 = 0.006.
            ("both ways beside a line", apart, level,
             [point("A", 300, 100), point("G", 0, 300, node="street")],
             {"A": (0, 300, 100, 0, 0, 0, -38_000), "G": (0, 0, 200, 0, 100, 0, 40_000)})):
        made = settle(feeder, rows, [], rules=rules)
        expect(name, numbers(made), want)
        expect(f"{name}: check", differences(feeder, made, rules=rules), {})
        for i, row in enumerate(made):
            for column, step in (("own", 7), ("pool_bought", 7), ("pool_sold", 7), ("retail", 1),
                                 ("feed_in", 1), ("fees", 5), ("net", 5), ("net", -5)):
                wrong = list(made)
                wrong[i] = replace(row, **{column: getattr(row, column) + step})
                if not differences(feeder, wrong, rules=rules):
                    raise AssertionError(f"{name}: {column} of {row.point} changed unseen")
    # By the usual rules each of these is found wrong, and the other way round.
    rows = [point("A", 1000), point("B", 0, 600)]
    for made, judged in ((off, Rules()), (Rules(), off)):
        if not differences(one, settle(one, rows, [], rules=made), rules=judged):
            raise AssertionError(f"settled by {made}, accepted by {judged}")
    expect("rules", (rules_of({}), rules_of({"pool": {"price": "off"},
                                             "own": {"same_point": False}})),
           (Rules(), Rules(False, False)))
    for attempt in (lambda: rules_of({"pool": {"price": "marginal"}}),
                    lambda: settle(one, [point("A", 1, member="M"), point("B", 1, member="M")], [],
                                   rules=apart)):
        try:
            attempt()
        except UnknownRule:
            continue
        raise AssertionError("a rule was accepted that this program does not know")


def test_sums():
    """See errors that no single point shows."""
    rows = [point("A", 333), point("B", 667), point("G", 0, 1000)]
    one = Feeder()
    made = settle(one, [replace(r, retail_price=300_001) for r in rows], [])
    # A's 59,940 may as well be 59,941, but then the pool is not at zero.
    made[0].net -= 1
    expect("one millionth too much", differences(one, made), {"pool-sum": 1})
    # The same with the giver at 180,001 is at zero again.
    made[2].net += 1
    expect("the other rounding", differences(one, made), {})
    # One Wh more for A in the pool and one less for B: a tie could do that.
    made = settle(one, [point("A", 501), point("B", 501), point("G", 0, 501)], [])
    for row, step in ((made[0], -1), (made[1], 1)):
        row.pool_bought += step
        row.retail -= step
        row.net += step * (300 - 180)
    expect("the other way in a tie", differences(one, made), {})
    # Both takers in one street: energy between them is not seen by the optimum.
    made = settle(one, [point("A", 1000), point("B", 1000), point("G", 0, 500)], [])
    for row, step in ((made[0], 50), (made[1], -50)):
        row.pool_bought += step
        row.retail -= step
        row.net += step * (300 - 180)
    expect("wrong share", differences(one, made), {"pool_bought": 2})


def test_refusals():
    """Refuse what lies outside: two tariffs, feed-in above retail, a bad feeder."""
    for rows in ([point("A", 1), point("B", 1, retail_price=R + 1)],
                 [point("A", 1, feed_in_price=R + 1)], [point("A", 1), point("A", 1)]):
        try:
            differences(Feeder(), rows)
        except InputError:
            continue
        raise AssertionError("rows accepted that lie outside")
    for lines in ([("a", None, 0), ("b", None, 0)], [("a", None, 0), ("b", "x", 0)],
                  [("a", None, 0), ("b", "c", 0), ("c", "b", 0)],
                  [("a", None, 0), ("b", "a", -1)], [("a", None, 0), ("a", None, 0)]):
        try:
            Feeder(lines)
        except InputError:
            continue
        raise AssertionError(f"feeder accepted: {lines}")


def test_figures():
    """Work out the figures of a small period by hand.

    One interval, A imports 1,000, B exports 600, nothing traded, all pooled:
    alone A pays 0.30 and B gets 0.036, -0.264; together the utility gets 0.12.
    The gain of 0.144 is reached in full: 1,000 per mille.  A was promised to be
    better off than -0.20 without the community: it has -0.228, which is worse
    by 0.028, more than one cent and than 0.1 % of 0.30.  B without had 0.117:
    worse by 0.009, less than a cent.
    """
    one = Feeder()
    rows = settle(one, [point("A", 1000), point("B", 0, 600)], [])
    rows[0].without, rows[1].without = -200_000, 117_000
    report = Report()
    check_interval(report, one, rows, [])
    values = figures(report)
    expect("figures", values, {
        "perfect_sharing_share": 1000, "members_worse_off": 1, "worse_off": ["A"],
        "pool_energy": 600, "trades_to_sharable": 0, "trades_coverage": 0})
    compare_with_summary(report, values, {"perfect_sharing_share": 999, "pool_energy": 600})
    expect("summary", dict(report.by_check), {})
    compare_with_summary(report, values, {"members_worse_off": 0})
    expect("summary", dict(report.by_check), {"summary": 1})
    # A bought 500 of B, but imports 200 and exports 100, B exports 350 and imports
    # 50.  Delivered are min(200, 350) = 200; to be shared are min(250, 450) = 250.
    # No trade covers 400 at A and 200 at B.
    trades = [Trade(0, "A", "B", 500, 200_000, 200_000)]
    report = Report()
    check_interval(report, one, settle(one, [point("A", 200, 100), point("B", 50, 350)], trades),
                   trades)
    values = figures(report)
    expect("coverage", (values["trades_coverage"], values["trades_to_sharable"],
                        report.sums["imbalance"]), (800, 2000, 600))
    # Without the pool: A buys 1,000, B sells 600, nothing of the gain is reached.
    rows = [replace(r, pool_bought=0, pool_sold=0, pool_price=0, retail=r.imported,
                    feed_in=r.exported, net=r.retail_only) for r in rows]
    report = Report()
    check_interval(report, one, rows, [])
    expect("no pool", figures(report)["perfect_sharing_share"], 0)
    # Nobody exports: there is nothing to share.
    report = Report()
    check_interval(report, one, settle(one, [point("A", 1000)], []), [])
    expect("nothing to share", figures(report)["perfect_sharing_share"], None)
    # 21 Wh both ways count, 20 do not.
    rows = [point("A", 21, 21), point("B", 20, 30), point("C", 50, 50)]
    expect("both ways", both_ways(rows, {"A", "B"}), (1, 2))


def test_random(cases=400):
    """Compare the three ways to the optimum on random feeders with a fixed seed.

    What the curves give must cost what the cheapest paths and, if it is there,
    the linear programme find; and the check must accept the settlement.
    """
    chance = random.Random(20260601)
    linprog = highs_or_none()
    for number in range(cases):
        size = chance.randint(1, 7)
        names = [f"n{i}" for i in range(size)]
        feeder = Feeder([(v, names[chance.randrange(i)] if i else None,
                          chance.choice((0, 10_000, 20_000, 35_001, 120_000, 240_000)) if i else 0)
                         for i, v in enumerate(names)])
        tariff = {"retail_price": chance.choice((300_000, 300_001, 80_000, 60_000)),
                  "feed_in_price": 60_000}
        rows = []
        for i in range(chance.randint(1, 10)):
            rows.append(point(f"p{i}", chance.choice((0, chance.randint(0, 900))),
                              chance.choice((0, chance.randint(0, 900))),
                              member=f"m{chance.randint(0, 5)}", node=chance.choice(names),
                              quality=chance.choice(("good",) * 9 + ("estimated",)), **tariff))
        trades = []
        for _ in range(chance.randint(0, 4)):
            buyer, seller = chance.choice(rows), chance.choice(rows)
            if buyer.member != seller.member:
                # Fees between two nodes, at most all lines of the feeder.
                fees = sum(feeder.fee.values())
                trades.append(Trade(0, buyer.point, seller.point, chance.randint(1, 500),
                                    150_000 + fees, 150_000))
        rules = Rules(chance.random() < 0.8, chance.random() < 0.7)
        if not rules.same_point:
            rows = [replace(r, member=r.point) for r in rows]
        report = Report()
        made = settle(feeder, rows, trades, rules=rules)
        check_interval(report, feeder, made, trades, linprog=linprog, rules=rules)
        expect(f"random case {number}: {report.first}", dict(report.by_check), {})
        if report.sums["priced_as_mixed"] != report.sums["pool_points"]:
            raise AssertionError(f"random case {number}: prices of the pool")
    return linprog is not None


def self_test():
    """Run all tests and say so in one line."""
    test_hand_cases()
    test_rules()
    test_sums()
    test_refusals()
    test_figures()
    with_highs = test_random()
    print(f"self-test: {len(hand_cases())} cases by hand and 400 random ones agree"
          + ("" if with_highs else " (without scipy: no linear programme)"))


def main(arguments=None):
    """Read the command line, check, print; give the exit code."""
    parser = argparse.ArgumentParser(
        description="Settle the intervals of a replay a second time and compare.")
    parser.add_argument("directory", nargs="?", metavar="DIR", help="result directory of a replay")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument("--self-test", action="store_true", help="run the built-in cases")
    parser.add_argument("--homes", metavar="NAME,NAME", default="",
                        help="homes with a battery, by metering point or member")
    parser.add_argument("--lp", choices=("auto", "highs", "off"), default="auto",
                        help="linear programme beside the exact optimum (default: if there)")
    parser.add_argument("--takes-part", metavar="QUALITY,QUALITY", default="good",
                        help="qualities that take part in own energy and pool (default: good)")
    parser.add_argument("--show", type=int, default=20, metavar="N",
                        help="how many differences to name (default: 20)")
    options = parser.parse_args(arguments)
    try:
        if options.self_test:
            self_test()
            return 0
        if not options.directory:
            parser.error("a result directory is needed")
        result = check_directory(options.directory, options)
    except UnknownRule as error:
        print(f"independent_settlement: {error}", file=sys.stderr)
        return 3
    except InputError as error:
        print(f"independent_settlement: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(result, indent=2, sort_keys=True))
    else:
        print("\n".join(as_table(result)))
    return 1 if result["differences"] else 0


if __name__ == "__main__":
    sys.exit(main())
