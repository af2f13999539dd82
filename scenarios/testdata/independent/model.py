"""What the program knows of one interval, and how it rounds."""

from collections import defaultdict
from dataclasses import dataclass


class InputError(Exception):
    """The input cannot be read, or lies outside of what this program knows."""


class UnknownRule(InputError):
    """The replay went by a rule that this program does not know."""


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
    community_price: int = 0
    components: int = 0
    undelivered: int = 0
    undrawn: int = 0
    stood_in: int = 0
    deviation: int = 0


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
