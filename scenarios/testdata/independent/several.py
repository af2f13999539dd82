"""The case of several tariffs, and of energy of neighbours that pays a part of one.

Each metering point has a retail price, a feed-in price and a community price: the
part of retail that energy of neighbours pays too.  A kWh of theirs saves a point
retail less community, its avoided price; the point bids at that and offers at its
feed-in price, and the clearing runs on what was metered.

Known here are feeders without fees, and members with one metering point each.
"""

from collections import Counter
from fractions import Fraction

from independent.model import largest_remainder, round_half_away, round_to_sum, UnknownRule
from independent.steps import short_and_long, trade_sums


def one_tariff(rows):
    """Tell whether all have one tariff, of which neighbours' energy pays no part."""
    return len({(r.retail_price, r.feed_in_price) for r in rows}) == 1 and not any(
        r.community_price for r in rows)


def refuse_unknown(feeder, rows):
    """Refuse what this part does not know."""
    if feeder.has_fees:
        raise UnknownRule("several tariffs, and lines with fees: this program settles them only"
                          " without fees")
    if len({r.member for r in rows}) != len(rows):
        raise UnknownRule("several tariffs, and a member with several metering points: this"
                          " program settles them only with one point each")


def avoided(row):
    """What a kWh of neighbours' energy saves at a point."""
    return row.retail_price - row.community_price


class Point:
    """What one point metered, agreed and has left, before anything is shared."""

    def __init__(self, row, bought, sold, takes_part, rules):
        """Tell what was metered from what was only agreed."""
        self.row = row
        self.part = row.quality in takes_part
        contract = bought - sold
        self.undelivered = self.undrawn = 0
        if not self.part:
            # An estimate is settled with the utility as it is.
            self.covered_in = self.covered_out = self.same = 0
            self.short, self.long = short_and_long(row)
            return
        self.covered_in = min(row.imported, max(contract, 0))
        self.covered_out = min(row.exported, max(-contract, 0))
        self.undelivered = max(-contract, 0) - self.covered_out
        self.undrawn = max(contract, 0) - self.covered_in
        self.short = row.imported - self.covered_in
        self.long = row.exported - self.covered_out
        # Own energy pays no part of a tariff: it saves the retail price.
        cancels = rules.same_point and row.feed_in_price <= row.retail_price
        self.same = min(self.short, self.long) if cancels else 0
        self.short -= self.same
        self.long -= self.same


def stand_in(points, amount, taking):
    """Say who stands in for so much: (levels, not placed).

    A level is a list of (point, its share as a fraction): dearest import first, or
    cheapest export first, those of one price in proportion to what they metered as
    agreed.
    """
    def price(p):
        return -avoided(p.row) if taking else p.row.feed_in_price

    def room(p):
        return p.covered_in if taking else p.covered_out

    able = [p for p in points if p.part and room(p)]
    levels, left = [], amount
    for level in sorted({price(p) for p in able}):
        there = [p for p in able if price(p) == level]
        whole = sum(room(p) for p in there)
        used = min(whole, left)
        if used:
            levels.append([(p, Fraction(used * room(p), whole)) for p in there])
        left -= used
    return levels, left


def clear_one_node(bids, offers):
    """Clear (key, Wh, price) bids and offers at one node: fractions by key.

    The dearest bids meet the cheapest offers as long as that is no loss; the marginal
    ones of a side share in proportion.
    """
    volume = 0
    prices = sorted({p for _, _, p in bids} | {p for _, _, p in offers})
    for price in prices:
        wanted = sum(e for _, e, p in bids if p >= price)
        given = sum(e for _, e, p in offers if p <= price)
        volume = max(volume, min(wanted, given))

    def fill(orders, key):
        filled, left = {}, volume
        for level in sorted({key(p) for _, _, p in orders}):
            there = [(k, e) for k, e, p in orders if key(p) == level]
            whole = sum(e for _, e in there)
            used = min(whole, left)
            left -= used
            for k, e in there:
                filled[k] = Fraction(used * e, whole)
        return filled

    return fill(bids, lambda p: -p), fill(offers, lambda p: p), volume


def worth_cleared(bids, offers):
    """The most that bids and offers can gain together, in fine money."""
    bids = sorted(([p, e] for _, e, p in bids), reverse=True)
    offers = sorted([p, e] for _, e, p in offers)
    gain = 0
    while bids and offers and bids[0][0] >= offers[0][0]:
        amount = min(bids[0][1], offers[0][1])
        gain += amount * (bids[0][0] - offers[0][0])
        for side in (bids, offers):
            side[0][1] -= amount
            if not side[0][1]:
                side.pop(0)
    return gain


def cancelling(points, both):
    """What cancels: (Wh by point as fractions, fine money by point as fractions)."""
    energy, money = {}, {}
    if not both:
        return energy, money
    gaps, spare = sum(p.undelivered for p in points), sum(p.undrawn for p in points)
    for p in points:
        name = p.row.point
        if p.undelivered:
            energy[name] = Fraction(both * p.undelivered, gaps)
        if p.undrawn:
            energy[name] = Fraction(both * p.undrawn, spare)
    saved = sum(avoided(p.row) * energy[p.row.point] for p in points if p.undelivered) / both
    earned = sum(p.row.feed_in_price * energy[p.row.point] for p in points if p.undrawn) / both
    for p in points:
        name = p.row.point
        if p.undelivered:
            money[name] = -energy[name] * (avoided(p.row) + earned) / 2
        if p.undrawn:
            money[name] = energy[name] * (p.row.feed_in_price + saved) / 2
    return energy, money


def check_several(report, feeder, rows, trades, takes_part, rules):
    """Compare one interval of several tariffs; give what the figures need."""
    when = rows[0].interval
    refuse_unknown(feeder, rows)

    def differ(check, subject, have, want, note=""):
        report.differ(check, when, subject, have, want, note)

    bought, sold, paid = trade_sums(trades)
    points = []
    for row in rows:
        for name, have, want in (("bought", row.bought, bought[row.point]),
                                 ("sold", row.sold, sold[row.point])):
            if have != want:
                differ(name, row.point, have, want)
        points.append(Point(row, bought[row.point], sold[row.point], takes_part, rules))
        if row.own != points[-1].same or row.own_given not in (None, points[-1].same):
            differ("own", row.point, row.own, points[-1].same)
        if row.fees:
            differ("own-fee", row.point, row.fees, 0)

    placed, back, price_slack = check_deviations(differ, points)
    bids, offers = check_pool(differ, points, rules)
    have = sum(avoided(p.row) * p.row.pool_bought - p.row.feed_in_price * p.row.pool_sold
               for p in points)
    want = worth_cleared(bids, offers) if rules.pool else 0
    if have != want:
        differ("optimum", "all", Fraction(have, 1000), Fraction(want, 1000))
    check_money(differ, report, points, paid, placed, back, price_slack)

    utility = sum(round_half_away(r.retail * r.retail_price) + r.components
                  - round_half_away(r.feed_in * r.feed_in_price) for r in rows)
    if sum(r.net for r in rows) + utility:
        differ("net-sum", "all", sum(r.net for r in rows), -utility)
    count(report, rows, trades, utility, takes_part, rules)


def check_deviations(differ, points):
    """Compare what cancels and who stands in; give (levels, money that cancels, slack)."""
    gaps, spare = sum(p.undelivered for p in points), sum(p.undrawn for p in points)
    both = min(gaps, spare)
    cancelled, money = cancelling(points, both)
    taking = gaps > spare
    levels, lost = stand_in(points, abs(gaps - spare), taking)
    stands = {}
    for level in levels:
        for p, share in level:
            stands[p.row.point] = share
        have, want = sum(p.row.stood_in for p, _ in level), sum(share for _, share in level)
        if have != want:
            differ("stood_in-sum", "price level", have, want)
    for p in points:
        row, share = p.row, stands.get(p.row.point, 0)
        if abs(row.stood_in - share) >= 1 or (not share and row.stood_in):
            differ("stood_in", row.point, row.stood_in, share)
        # What nobody stands in for is left to the point itself.
        want = [p.undelivered, p.undrawn]
        side = 0 if taking else 1
        rest = abs(gaps - spare)
        if lost and rest and want[side]:
            mine = want[side] - cancelled.get(row.point, 0)
            want[side] -= mine * Fraction(lost, rest)
        for name, have, expected in (("undelivered", row.undelivered, want[0]),
                                     ("undrawn", row.undrawn, want[1])):
            if abs(have - expected) >= 2 or (not lost and have != expected):
                differ(name, row.point, have, expected)
        # From here on with what the result says, so that one Wh is seen once.
        if taking:
            p.short += row.stood_in + p.undelivered - row.undelivered
        else:
            p.long += row.stood_in + p.undrawn - row.undrawn
    dear = max((abs(avoided(p.row)) + abs(p.row.feed_in_price) for p in points), default=0)
    return (taking, abs(gaps - spare) - lost, cancelled), money, dear


def check_pool(differ, points, rules):
    """Compare the pool's energy and the utility's; give the bids and offers."""
    bids = [(p.row.point, p.short, avoided(p.row)) for p in points if p.part and p.short]
    offers = [(p.row.point, p.long, p.row.feed_in_price) for p in points if p.part and p.long]
    takes, gives, volume = {}, {}, 0
    if rules.pool:
        takes, gives, volume = clear_one_node(bids, offers)
    for name, have in (("pool_bought-sum", sum(p.row.pool_bought for p in points)),
                       ("pool_sold-sum", sum(p.row.pool_sold for p in points))):
        if have != volume:
            differ(name, "all", have, volume)
    for p in points:
        row = p.row
        for name, have, want in (("pool_bought", row.pool_bought, takes.get(row.point, 0)),
                                 ("pool_sold", row.pool_sold, gives.get(row.point, 0))):
            if abs(have - want) >= 1:
                differ(name, row.point, have, want)
        for name, have, want in (("retail", row.retail, p.short - row.pool_bought),
                                 ("feed_in", row.feed_in, p.long - row.pool_sold)):
            if have != want or want < 0:
                differ(name, row.point, have, want)
        # A utility never settles more than the meter has beside own energy and pool.
        if p.part and not (row.retail <= row.imported - row.own - row.pool_bought
                           and row.feed_in <= row.exported - p.same - row.pool_sold):
            fallback = p.undelivered - row.undelivered + p.undrawn - row.undrawn
            if not fallback:
                differ("beyond-the-meter", row.point, row.retail + row.feed_in, row.imported)
    return bids, offers


def check_money(differ, report, points, paid, placed, back, dear):
    """Compare the money of each point."""
    taking, amount, cancelled = placed
    volume = sum(p.row.pool_bought for p in points)
    given = Fraction(sum(p.row.feed_in_price * p.row.pool_sold for p in points), volume or 1)
    taken = Fraction(sum(avoided(p.row) * p.row.pool_bought for p in points), volume or 1)
    pool, refund = {}, {}
    for p in points:
        row = p.row
        cost = row.pool_bought * (avoided(row) + given) / 2
        gain = row.pool_sold * (row.feed_in_price + taken) / 2
        pool[row.point] = gain - cost
        whole = p.short if taking else p.long
        if row.stood_in and whole:
            used = Fraction((row.pool_bought if taking else row.pool_sold) * row.stood_in, whole)
            price = (avoided(row) + given) / 2 if taking else (row.feed_in_price + taken) / 2
            rest = avoided(row) if taking else row.feed_in_price
            sign = 1 if taking else -1
            refund[row.point] = sign * (used * price + (row.stood_in - used) * rest)
    charge = sum(refund.values())
    stood = sum(1 for p in points if p.row.stood_in)
    pool_sum = deviated = 0
    for p in points:
        row = p.row
        components = round_half_away(
            max(row.imported - row.own - row.retail, 0) * row.community_price)
        if row.components != components:
            differ("community_components", row.point, row.components, components)
        mine = 0
        if p.undelivered if taking else p.undrawn:
            mine = (row.undelivered if taking else row.undrawn) - cancelled.get(row.point, 0)
        want = back.get(row.point, 0) + refund.get(row.point, 0)
        slack = 2000
        if mine and amount:
            want -= charge * Fraction(mine) / amount
            slack += dear * 2 + stood * dear * Fraction(mine) / amount
        slack += dear * 2 if cancelled.get(row.point) else 0
        slack += dear if row.stood_in else 0
        if abs(1000 * row.deviation - want) > slack or (not want and row.deviation):
            differ("deviation", row.point, row.deviation, want / 1000)
        deviated += row.deviation
        other = (paid[row.point] - round_half_away(row.retail * row.retail_price)
                 + round_half_away(row.feed_in * row.feed_in_price)
                 - components + row.deviation)
        money = row.net - other
        pool_sum += money
        if abs(1000 * money - pool[row.point]) >= 2001 or (not pool[row.point] and money):
            differ("net", row.point, row.net, other + pool[row.point] / 1000)
        energy = row.pool_bought + row.pool_sold
        priced = Fraction(0)
        if energy:
            report.sums["pool_points"] += 1
            report.sums["priced_as_mixed"] += 1
            priced = (row.pool_bought * (avoided(row) + given)
                      + row.pool_sold * (row.feed_in_price + taken)) / 2 / energy
        if abs(row.pool_price - priced) * energy > 2000 + energy or (not energy
                                                                     and row.pool_price):
            differ("pool_price", row.point, row.pool_price, priced)
        alone = (round_half_away(row.exported * row.feed_in_price)
                 - round_half_away(row.imported * row.retail_price))
        if row.retail_only != alone:
            differ("retail_only", row.point, row.retail_only, alone)
    for name, have in (("pool-sum", pool_sum), ("deviation-sum", deviated)):
        if have:
            differ(name, "all", have, 0)


def count(report, rows, trades, utility, takes_part, rules):
    """Add to the sums of the figures."""
    imported, exported = sum(r.imported for r in rows), sum(r.exported for r in rows)
    alone = shared = 0
    bids, offers = [], []
    for r in rows:
        own_first = rules.same_point and r.feed_in_price <= r.retail_price
        both = min(r.imported, r.exported) if own_first else 0
        alone += r.retail_price * r.imported - r.feed_in_price * r.exported
        shared += r.retail_price * (r.imported - both) - r.feed_in_price * (r.exported - both)
        bids.append((r.point, r.imported - both, avoided(r)))
        offers.append((r.point, r.exported - both, r.feed_in_price))
    shared -= worth_cleared([b for b in bids if b[1]], [o for o in offers if o[1]])
    report.sums.update({
        "intervals": 1, "rows": len(rows), "trades": len(trades),
        "net": sum(r.net for r in rows), "retail_only": sum(r.retail_only for r in rows),
        "utility": utility, "grid": 0, "fund": 0,
        "pool_energy": sum(r.pool_bought for r in rows), "own_fees": 0,
        "traded": sum(t.energy for t in trades), "sharable": min(imported, exported),
        "delivered": min(sum(min(max(r.bought - r.sold, 0), r.imported) for r in rows),
                         sum(min(max(r.sold - r.bought, 0), r.exported) for r in rows)),
        "imported": imported, "exported": exported,
        "imbalance": sum(sum(short_and_long(r)) for r in rows),
        "retail": sum(r.retail for r in rows), "feed_in": sum(r.feed_in for r in rows),
        "sharing_gain": alone - shared, "several_tariffs": 1,
        "deviations": sum(1 for r in rows if r.deviation),
        "components": sum(r.components for r in rows),
        "estimated_rows": sum(1 for r in rows if r.quality not in takes_part)})
    for row in rows:
        member = report.by_member[row.member]
        member["net"] += row.net
        member["metered_value"] += (abs(row.retail_price * row.imported)
                                    + abs(row.feed_in_price * row.exported))
        if row.without is None:
            report.without_known = False
        else:
            member["without"] += row.without


def settle_several(feeder, rows, trades, takes_part=("good",), rules=None):
    """Settle one interval of several tariffs in full and give the rows, filled in.

    The check does not use this function; the self-test makes results with it."""
    refuse_unknown(feeder, rows)
    bought, sold, paid = trade_sums(trades)
    for r in rows:
        r.bought, r.sold = bought[r.point], sold[r.point]
    points = [Point(r, r.bought, r.sold, takes_part, rules) for r in rows]
    gaps, spare = sum(p.undelivered for p in points), sum(p.undrawn for p in points)
    both, taking = min(gaps, spare), gaps > spare
    money = Counter()
    whole = {}
    for attribute in ("undelivered", "undrawn"):
        parts = largest_remainder(both, [getattr(p, attribute) for p in points])
        for p, part in zip(points, parts):
            whole[p.row.point, attribute] = part
    if both:
        saved = sum(avoided(p.row) * whole[p.row.point, "undelivered"] for p in points)
        earned = sum(p.row.feed_in_price * whole[p.row.point, "undrawn"] for p in points)
        pays = [Fraction(whole[p.row.point, "undelivered"]
                         * (avoided(p.row) * both + earned), 2000 * both) for p in points]
        gets = [Fraction(whole[p.row.point, "undrawn"]
                         * (p.row.feed_in_price * both + saved), 2000 * both) for p in points]
        total = round_half_away(saved + earned, 2000)
        for p, pay, get in zip(points, round_to_sum(pays, total), round_to_sum(gets, total)):
            money[p.row.point] += get - pay
    levels, lost = stand_in(points, abs(gaps - spare), taking)
    for level in levels:
        used = int(sum(share for _, share in level))
        parts = largest_remainder(used, [p.covered_in if taking else p.covered_out
                                         for p, _ in level])
        for (p, _), part in zip(level, parts):
            p.row.stood_in = part
            if taking:
                p.short += part
            else:
                p.long += part
    attribute = "undelivered" if taking else "undrawn"
    mine = [getattr(p, attribute) - whole[p.row.point, attribute] for p in points]
    kept = largest_remainder(sum(mine) - lost, mine)
    for p, own, part in zip(points, mine, kept):
        p.row.undelivered = p.undelivered - (own - part if taking else 0)
        p.row.undrawn = p.undrawn - (own - part if not taking else 0)
        if taking:
            p.short += own - part
        else:
            p.long += own - part
    bids = [(p.row.point, p.short, avoided(p.row)) for p in points if p.part and p.short]
    offers = [(p.row.point, p.long, p.row.feed_in_price) for p in points if p.part and p.long]
    takes, gives, volume = clear_one_node(bids, offers) if rules.pool else ({}, {}, 0)
    for filled in (takes, gives):
        filled.update(zip(list(filled), round_to_sum(list(filled.values()), volume)))
    given = Fraction(sum(p.row.feed_in_price * gives.get(p.row.point, 0) for p in points),
                     volume or 1)
    taken = Fraction(sum(avoided(p.row) * takes.get(p.row.point, 0) for p in points), volume or 1)
    costs = [takes.get(p.row.point, 0) * (avoided(p.row) + given) / 2000 for p in points]
    gains = [gives.get(p.row.point, 0) * (p.row.feed_in_price + taken) / 2000 for p in points]
    costs = round_to_sum([Fraction(c) for c in costs], round_half_away(int(2 * sum(costs)), 2))
    gains = round_to_sum([Fraction(g) for g in gains], sum(costs))
    refunds = Counter()
    for p, cost, gain in zip(points, costs, gains):
        row = p.row
        row.own = row.own_given = p.same
        row.pool_bought, row.pool_sold = takes.get(row.point, 0), gives.get(row.point, 0)
        row.retail, row.feed_in = p.short - row.pool_bought, p.long - row.pool_sold
        energy = row.pool_bought + row.pool_sold
        row.pool_price = int(Fraction(1000 * (cost + gain), energy or 1))
        if row.stood_in:
            pooled, of = (row.pool_bought, p.short) if taking else (row.pool_sold, p.long)
            used = pooled * row.stood_in // of
            share = round_half_away((cost if taking else gain) * used, pooled) if pooled else 0
            rest = (row.stood_in - used) * (avoided(row) if taking else row.feed_in_price)
            refunds[row.point] = (share + round_half_away(rest)) * (1 if taking else -1)
        row.components = round_half_away(
            max(row.imported - row.own - row.retail, 0) * row.community_price)
    charges = largest_remainder(abs(sum(refunds.values())), kept)
    sign = 1 if sum(refunds.values()) > 0 else -1
    for p, cost, gain, charge in zip(points, costs, gains, charges):
        row = p.row
        row.deviation = money[row.point] + refunds[row.point] - sign * charge
        row.net = (paid[row.point] + gain - cost + row.deviation - row.components
                   - round_half_away(row.retail * row.retail_price)
                   + round_half_away(row.feed_in * row.feed_in_price))
        row.retail_only = row.without = (round_half_away(row.exported * row.feed_in_price)
                                         - round_half_away(row.imported * row.retail_price))
    return rows

