"""Reading a result directory, and telling what was found in it."""

import json
import os
from collections import defaultdict

from independent.check import both_ways, check_interval, compare_with_summary, figures, Report
from independent.model import Feeder, InputError, round_half_away, Row, Rules, Trade, UnknownRule
from independent.optimum import highs_or_none


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
# What is there since there are several tariffs; all of it is 0 with one.
SEVERAL = ("community_price", "community_components", "undelivered", "undrawn", "stood_in",
           "deviation")


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
    for name in SEVERAL:
        table.setdefault(name, [0] * len(table.get("interval", ())))
    for values in zip(*columns(table, "statements.parquet", STATEMENT + SEVERAL)):
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
    if summary.get("sharing"):
        raise UnknownRule("sharing is an allocation key: this program settles a market only")
    if price not in ("midpoint", "off"):
        raise UnknownRule(f"pool.price is {price!r}: this program settles midpoint and off only")
    if summary.get("pool", {}).get("share"):
        raise UnknownRule("pool.share is given: this program settles a pool without one only")
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
        "pool_points", "priced_as_mixed", "programmes", "several_tariffs", "deviations",
        "components")}
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
    ("programmes", "Linear programmes solved", "count"),
    ("several_tariffs", "Intervals of several tariffs", "count"),
    ("deviations", "  rows with deviations made good", "count"),
    ("components", "  paid by neighbours' energy", "money"))

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
