"""Cases worked out by hand and random ones, by which the program tests itself."""

import random
from dataclasses import replace

from independent.check import both_ways, check_interval, compare_with_summary, figures, Report
from independent.model import Feeder, InputError, round_half_away, Row, Rules, Trade, UnknownRule
from independent.optimum import highs_or_none
from independent.results import rules_of
from independent.several import settle_several
from independent.steps import own_energy, settle, short_and_long, trade_sums

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
                    lambda: rules_of({"pool": {"price": "midpoint", "share": 50}}),
                    lambda: rules_of({"pool": {"price": "off"}, "sharing": {"kind": "dynamic"}}),
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
    """Refuse what lies outside: two tariffs beside fees, feed-in above retail, a bad feeder."""
    street = Feeder([("root", None, 0), ("street", "root", FEE)])
    for feeder, rows in ((street, [point("A", 1), point("B", 1, retail_price=R + 1)]),
                         (Feeder(), [point("A", 1, member="M"),
                                     point("B", 1, member="M", retail_price=R + 1)]),
                         (Feeder(), [point("A", 1, feed_in_price=R + 1)]),
                         (Feeder(), [point("A", 1), point("A", 1)])):
        try:
            differences(feeder, rows)
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


def test_several_by_hand():
    """Settle an interval of several tariffs worked out by hand.

    Ann has 0.40, of which neighbours' energy pays 0.02 too; she saves 0.38.  She
    bought 300 of Bob at 0.20 and draws 500: 200 are short.  Bob gives 250, so 50
    of Ann's have to come from elsewhere.  Dee, who saves 0.22, draws 100.  Cy
    gives 200 at a feed-in price of 0.10: all go to Ann at (0.38+0.10)/2 = 0.24,
    0.048; of these 200 x 50/250 = 40 are for Bob.  Ann has 50 of her utility,
    0.02, of which 10 are for Bob.  He makes good 40 x 0.24 and 10 x 0.38: 0.0096
    and 0.0038.  Ann's 450 of neighbours pay 0.009.
    """
    rows = [point("Ann", 500, retail_price=400_000, community_price=20_000),
            point("Bob", 0, 250, community_price=20_000),
            point("Cy", 0, 200, feed_in_price=100_000, community_price=20_000),
            point("Dee", 100, retail_price=240_000, community_price=20_000)]
    trades = [Trade(0, "Ann", "Bob", 300, 200_000, 200_000)]
    made = settle_several(Feeder(), rows, trades, rules=Rules())
    expect("several tariffs", {r.point: (r.pool_bought, r.pool_sold, r.retail, r.feed_in,
                                         r.stood_in, r.undelivered, r.deviation, r.components,
                                         r.net) for r in made},
           {"Ann": (200, 0, 50, 0, 50, 0, 13_400, 9_000, -123_600),
            "Bob": (0, 0, 0, 0, 0, 50, -13_400, 0, 46_600),
            "Cy": (0, 200, 0, 0, 0, 0, 0, 0, 48_000),
            "Dee": (0, 0, 100, 0, 0, 0, 0, 0, -24_000)})
    expect("several tariffs: check", differences(Feeder(), made, trades), {})
    for i, row in enumerate(made):
        for column, step in (("own", 7), ("pool_bought", 7), ("pool_sold", 7), ("retail", 1),
                             ("feed_in", 1), ("fees", 5), ("net", 5), ("net", -5),
                             ("bought", 1), ("sold", 1), ("retail_only", 5), ("components", 1),
                             ("undelivered", 2), ("undrawn", 2), ("stood_in", 1),
                             ("deviation", 900), ("deviation", -900), ("retail_price", 9_000),
                             ("feed_in_price", 40_000), ("community_price", 9_000)):
            unused = {"feed_in_price": ("Ann", "Dee"), "community_price": ("Bob", "Cy", "Dee"),
                      "retail_price": ("Bob", "Cy")}
            if row.point in unused.get(column, ()):
                continue
            wrong = list(made)
            wrong[i] = replace(row, **{column: getattr(row, column) + step})
            if not differences(Feeder(), wrong, trades):
                raise AssertionError(f"several tariffs: {column} of {row.point} changed unseen")


def test_several_random(cases=300):
    """Settle random intervals of several tariffs, and see them accepted."""
    chance = random.Random(20261129)
    tariffs = ((R, F, 0), (410_003, 81_001, 31_007), (280_000, 460_000, 15_000),
               (-50_000, -120_000, 70_000), (200_000, 200_000, 0))
    for number in range(cases):
        rows = []
        for i in range(chance.randint(2, 9)):
            retail, feed_in, community = chance.choice(tariffs)
            rows.append(point(f"p{i}", chance.choice((0, chance.randint(0, 900))),
                              chance.choice((0, chance.randint(0, 900))),
                              quality=chance.choice(("good",) * 9 + ("estimated",)),
                              retail_price=retail, feed_in_price=feed_in,
                              community_price=community))
        rows[0].retail_price += 1
        trades = []
        for _ in range(chance.randint(0, 5)):
            buyer, seller = chance.sample(rows, 2)
            trades.append(Trade(0, buyer.point, seller.point, chance.randint(1, 500), 150_000,
                                150_000))
        rules = Rules(chance.random() < 0.8, chance.random() < 0.7)
        report = Report()
        check_interval(report, Feeder(), settle_several(Feeder(), rows, trades, rules=rules),
                       trades, rules=rules)
        expect(f"random case {number} of several tariffs: {report.first}",
               dict(report.by_check), {})


def self_test():
    """Run all tests and say so in one line."""
    test_hand_cases()
    test_rules()
    test_sums()
    test_refusals()
    test_figures()
    test_several_by_hand()
    test_several_random()
    with_highs = test_random()
    print(f"self-test: {len(hand_cases())} cases by hand and 400 random ones agree"
          + ("" if with_highs else " (without scipy: no linear programme)"))
