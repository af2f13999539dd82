"""The steps of the settlement: trades, own energy, pool, utility."""

from collections import Counter, defaultdict
from dataclasses import replace
from fractions import Fraction

from independent.model import round_half_away, round_to_sum, Rules, UnknownRule
from independent.optimum import clear


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
