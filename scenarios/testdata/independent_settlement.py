#!/usr/bin/env python3
"""A second, independent settlement of an energy community, to check the first.

The program reads the result directory of a replay and settles every interval
anew: trades, own energy, pool, utility, in this order.  It was written from the
rules alone (the documents on money, on the market and on conventions) and shares
no code with the program that wrote the results, so that an error would have to
be made twice to stay unseen.  Where every metering point has the same retail price
and the same feed-in price, retail must not be below feed-in.  With several tariffs,
or where neighbours' energy pays a part of one, it knows feeders without line fees and
members with one metering point each.  Of the rules that summary.json states it knows the
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
import sys

from independent.model import InputError, UnknownRule
from independent.results import as_table, check_directory
from independent.selftest import self_test


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
