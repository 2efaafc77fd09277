"""RoutingKit's customizable hierarchy and scipy's Dijkstra on the arcs that `bench-roads` hands over, node-based, no turns.

    python3 benches/peers/roads_kit.py FOLDER MAP

FOLDER holds `arcs.u32` (from, to, milliseconds, little-endian) and `places.f32` (longitude, latitude by vertex). Needs
`routingkit-cch`, `scipy` and `numpy` (`benches/peers/roads.txt`). Processor time of one thread; the bindings' way through
lists is part of it where the library is called from Python, said so by "through its binding".
"""

import random
import sys
import time
from pathlib import Path

import numpy
import routingkit_cch as kit

INF = 2**31 - 1


def clock(work, times=1):
    """The least processor seconds of several calls, and the last result."""
    best = float("inf")
    for _ in range(times):
        start = time.thread_time()
        result = work()
        best = min(best, time.thread_time() - start)
    return best, result


def row(name, what, value):
    print(f"{name:<14} {'peer ' + what:<52} {value:>12.3f}", flush=True)


def main():
    folder, name = Path(sys.argv[1]), sys.argv[2]
    arcs = numpy.fromfile(folder / "arcs.u32", dtype="<u4").reshape(-1, 3)
    places = numpy.fromfile(folder / "places.f32", dtype="<f4").reshape(-1, 2)
    tail, head, ms = (arcs[:, i].tolist() for i in range(3))
    count = len(places)
    lat, lon = places[:, 1].tolist(), places[:, 0].tolist()
    seconds, order = clock(lambda: kit.compute_order_inertial(count, tail, head, lat, lon))
    row(name, "RoutingKit: order, s", seconds)
    cch = kit.CCH(order, tail, head, False)
    metric = kit.CCHMetric(cch, ms)
    seconds, _ = clock(lambda: metric.reset(ms), 9)
    # What handing a list over costs is taken off: about as much as reading it back.
    over, _ = clock(lambda: numpy.array(ms, dtype=numpy.uint32), 9)
    row(name, "RoutingKit: customize, ms through its binding", seconds * 1e3)
    row(name, "  (a list of that length to numpy alone, ms)", over * 1e3)
    dice = random.Random(5)
    nodes = [dice.randrange(count) for _ in range(276)]
    many = kit.CCHOneToMany(metric, nodes)
    seconds, _ = clock(lambda: [many.distances_from(s) for s in nodes], 5)
    row(name, "RoutingKit CCH: table 276 x 276, ms", seconds * 1e3)
    query, took = kit.CCHQuery(metric), []
    for step in range(3_000):
        a, b = dice.randrange(count), dice.randrange(count)
        seconds, _ = clock(lambda: query.run(a, b).node_path)
        if step >= 1_000:
            took.append(seconds * 1e6)
    row(name, "RoutingKit CCH: path p50, us through its binding", sorted(took)[len(took) // 2])
    # A metric that queries hold cannot be changed there.
    del many, query
    updater, took = kit.CCHMetricPartialUpdater(cch), []
    for step in range(2_000):
        arc = dice.randrange(len(ms))
        for weight in (INF, ms[arc]):
            change = {arc: weight}
            seconds, _ = clock(lambda: updater.apply(metric, change))
            if step >= 20:
                took.append(seconds * 1e6)
    took.sort()
    row(name, "RoutingKit CCH: close or reopen one arc p50, us", took[len(took) // 2])
    row(name, "RoutingKit CCH: close or reopen one arc p99, us", took[len(took) * 99 // 100])
    if count > 100_000:
        return
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    graph = csr_matrix((numpy.array(ms, dtype=float), (tail, head)), shape=(count, count))
    seconds, _ = clock(lambda: dijkstra(graph, indices=nodes[:23]))
    row(name, "scipy Dijkstra: table 276 x 276, ms (23 rows x 12)", seconds * 12e3)


main()
