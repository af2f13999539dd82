"""The check of a result, interval by interval, and the figures of all."""

from collections import Counter, defaultdict
from fractions import Fraction

from independent.model import InputError, round_half_away, Rules
from independent.optimum import clear, optimum_by_highs, optimum_by_paths
from independent.several import check_several, one_tariff
from independent.steps import (
    left_after, own_energy, own_flows, pool_prices, short_and_long, trade_flow, trade_sums)


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
    if not one_tariff(rows):
        if len({r.point for r in rows}) != len(rows):
            raise InputError(f"interval {when}: a metering point has two rows")
        check_several(report, feeder, rows, trades, takes_part, rules)
        return
    for row in rows:
        for name in ("components", "undelivered", "undrawn", "stood_in", "deviation"):
            if getattr(row, name):
                report.differ(name, when, row.point, getattr(row, name), 0, "with one tariff")
    tariffs = {(r.retail_price, r.feed_in_price) for r in rows}
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
