"""The exact clearing over the feeder, and the optimum by two other ways."""

from collections import Counter, defaultdict

from independent.model import InputError, largest_remainder


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
