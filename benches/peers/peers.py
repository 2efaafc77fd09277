"""Peers from public registries on one plain instance, one thread, the process's processor time as the clock.

    peers.py versions                        JSON: what is installed, and the kinds each can express
    peers.py solve PEER INSTANCE SECONDS     JSON: {"routes", "cpu_seconds", "iterations", "note"}

Routes are lists of node numbers, one for each vehicle where vehicles differ, a 0 inside for a reload; our checker judges
them. The clock shim (cpuclock.c) is compiled once and preloaded before the solver starts.
"""

import importlib.metadata
import json
import os
import pathlib
import resource
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SHIM = pathlib.Path("target/peers/libcpuclock.so")

KINDS = {
    "pyvrp": ["cvrp", "vrptw", "vrpb", "vrpspd", "vrpspdtw", "mdvrptw", "hfvrp", "mtvrptwr", "pcvrptw", "pdptw"],
    "ortools": ["cvrp", "vrptw", "vrpb", "vrpspd", "vrpspdtw", "mdvrptw", "hfvrp", "pcvrptw", "pdptw"],
    "pyvroom": ["cvrp", "vrptw", "vrpspd", "vrpspdtw", "mdvrptw", "hfvrp", "pdptw"],
    "hygese": ["cvrp"],
}


def versions():
    found = []
    for name, kinds in KINDS.items():
        try:
            found.append({"peer": name, "version": importlib.metadata.version(name), "kinds": kinds})
        except importlib.metadata.PackageNotFoundError:
            print(f"{name} is not installed", file=sys.stderr)
    return found


def with_shim():
    """Starts this program again with the clock shim preloaded."""
    if os.environ.get("XIANGYUN_CPU_CLOCK") == "1":
        return
    SHIM.parent.mkdir(parents=True, exist_ok=True)
    source = HERE / "cpuclock.c"
    if not SHIM.exists() or SHIM.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(SHIM), str(source)], check=True)
    one = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    env = {**os.environ, **one, "LD_PRELOAD": str(SHIM.resolve()), "XIANGYUN_CPU_CLOCK": "1"}
    os.execve(sys.executable, [sys.executable, *sys.argv], env)


def cpu_seconds():
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def listed(problem):
    return problem["kind"] in ("hfvrp", "mdvrptw")


def place(problem, routes_by_vehicle):
    """Routes with their vehicle's number: a full list where vehicles differ, else the used ones."""
    if not listed(problem):
        return [route for _, route in routes_by_vehicle if route]
    routes = [[] for _ in range(sum(v["count"] for v in problem["vehicles"]))]
    for vehicle, route in routes_by_vehicle:
        routes[vehicle] = route
    return routes


def pair_of(problem):
    """Delivery of each pickup."""
    return {i: n["pickup_for"] for i, n in enumerate(problem["nodes"]) if n["pickup_for"] is not None}


# Prices of whole vehicles where the fleet comes first: above any distance of the instance.
def fleet_price(problem):
    if not problem["hierarchical"]:
        return 0
    longest = max(max(row) for row in problem["distance"])
    return 4 * longest * max(1, len(problem["nodes"]) // 20)


def pyvrp(problem, seconds):
    import warnings

    from pyvrp import Model, PenaltyParams, SolveParams
    from pyvrp.stop import MaxRuntime

    notes = []
    warnings.showwarning = lambda message, *rest, **more: notes.append(str(message))
    depots, nodes, model = problem["depots"], problem["nodes"], Model()
    strict = problem["kind"] == "vrpb"
    places = [model.add_location(n["x"], n["y"], name=str(i)) for i, n in enumerate(nodes)] if hasattr(
        model, "add_location"
    ) else None
    where = (lambda i: {"location": places[i]}) if places else (lambda i: {"x": int(nodes[i]["x"]), "y": int(nodes[i]["y"])})
    window = lambda n: {"tw_early": n["ready"], **({"tw_late": n["due"]} if n["due"] is not None else {})}
    made = [model.add_depot(**where(i), **window(nodes[i])) for i in range(depots)]
    pairs = pair_of(problem)
    clients = {}
    in_pair = set(pairs) | set(pairs.values())
    for i in range(depots, len(nodes)):
        if i in in_pair:
            continue
        n = nodes[i]
        optional = {"prize": n["prize"], "required": False} if n["prize"] is not None else {}
        made.append(
            model.add_client(
                **where(i), delivery=[n["delivery"]], pickup=[n["pickup"]], service_duration=n["service"],
                release_time=n["release"], name=str(i), **window(n), **optional,
            )
        )
        clients[i] = made[-1]
    for pickup, delivery in pairs.items():
        a, b = nodes[pickup], nodes[delivery]
        ends = [
            model.add_client(**where(i), service_duration=n["service"], name=str(i), required=True, **window(n))
            for i, n in ((pickup, a), (delivery, b))
        ]
        model.add_shipment(*ends, amount=[a["amount"]])
        made.extend(ends)
    huge = 1 << 40
    order = list(range(depots)) + [int(c.name) for c in made[depots:]]
    points = places if places else None
    for i in range(len(nodes)):
        for j in range(len(nodes)):
            distance = problem["distance"][i][j]
            duration = (problem["duration"] or problem["distance"])[i][j]
            back = lambda k: nodes[k]["pickup"] > 0
            if strict and ((i < depots and back(j)) or (back(i) and j >= depots and not back(j))):
                distance = duration = huge
            a, b = (points[i], points[j]) if points else (made[order.index(i)], made[order.index(j)])
            model.add_edge(a, b, distance, duration)
    extra = fleet_price(problem)
    for v in problem["vehicles"]:
        limits = {}
        if v["max_duration"] is not None:
            limits["shift_duration"] = v["max_duration"]
        if v["max_distance"] is not None:
            limits["max_distance"] = v["max_distance"]
        if v["reload"]:
            limits |= {"reload_depots": [made[0]], "max_reloads": len(nodes)}
        model.add_vehicle_type(
            v["count"], capacity=[v["capacity"]], start_depot=made[v["depot"]], end_depot=made[v["depot"]],
            fixed_cost=v["fixed"] + extra, unit_distance_cost=v["unit"], name=str(v["first"]), **limits,
        )
    params = SolveParams(penalty=PenaltyParams(max_penalty=1e12))
    result = model.solve(MaxRuntime(seconds), seed=1, display=False, params=params)
    names = [str(x.name) for x in model.vehicle_types]
    used, taken = [], {}
    for route in result.best.routes():
        kind = route.vehicle_type()
        first = int(names[kind])
        vehicle = first + taken.get(kind, 0)
        taken[kind] = taken.get(kind, 0) + 1
        stops = []
        for activity in route:
            index = getattr(activity, "idx", activity)
            is_client = not hasattr(activity, "is_client") or activity.is_client()
            if is_client:
                stops.append(int(model.clients[index].name if hasattr(activity, "idx") else model.data().location(index).name))
            elif stops:
                stops.append(0)
        while stops and stops[-1] == 0:
            stops.pop()
        used.append((vehicle, stops))
    return place(problem, used), result.num_iterations, "; ".join(sorted(set(notes)))


def ortools(problem, seconds):
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    nodes, depots = problem["nodes"], problem["depots"]
    fleet = [v for v in problem["vehicles"] for _ in range(v["count"])]
    at = [v["depot"] for v in fleet]
    manager = pywrapcp.RoutingIndexManager(len(nodes), len(fleet), at, at)
    routing = pywrapcp.RoutingModel(manager)
    strict = problem["kind"] == "vrpb"
    back = lambda k: nodes[k]["pickup"] > 0
    huge = 1 << 40
    distance = [list(row) for row in problem["distance"]]
    if strict:
        for i in range(len(nodes)):
            for j in range(len(nodes)):
                if (i < depots and back(j)) or (back(i) and j >= depots and not back(j)):
                    distance[i][j] = huge
    arc = {unit: routing.RegisterTransitMatrix([[c * unit for c in row] for row in distance]) for unit in {v["unit"] for v in fleet}}
    for k, v in enumerate(fleet):
        routing.SetArcCostEvaluatorOfVehicle(arc[v["unit"]], k)
        routing.SetFixedCostOfVehicle(v["fixed"] + fleet_price(problem), k)
    capacities = [v["capacity"] for v in fleet]
    amount = [n["amount"] for n in nodes]
    pairs = pair_of(problem)
    signed = [0] * len(nodes)
    for pickup, delivery in pairs.items():
        signed[pickup], signed[delivery] = amount[pickup], -amount[pickup]
    # Load on board: what is delivered leaves, what is picked up stays; starts with all deliveries of the route.
    change = routing.RegisterUnaryTransitVector([n["pickup"] - n["delivery"] + signed[i] for i, n in enumerate(nodes)])
    routing.AddDimensionWithVehicleCapacity(change, 0, capacities, False, "load")
    brought = routing.RegisterUnaryTransitVector([n["delivery"] for n in nodes])
    routing.AddDimensionWithVehicleCapacity(brought, 0, capacities, True, "brought")
    load, total = routing.GetDimensionOrDie("load"), routing.GetDimensionOrDie("brought")
    solver = routing.solver()
    for k in range(len(fleet)):
        solver.Add(load.CumulVar(routing.Start(k)) == total.CumulVar(routing.End(k)))
    duration = problem["duration"] or problem["distance"]
    horizon = max([n["due"] or 0 for n in nodes] + [1 << 31])
    times = [[d + nodes[i]["service"] for d in row] for i, row in enumerate(duration)]
    clock = routing.RegisterTransitMatrix(times)
    routing.AddDimension(clock, horizon, horizon, False, "time")
    time = routing.GetDimensionOrDie("time")
    for i in range(depots, len(nodes)):
        if nodes[i]["due"] is not None:
            time.CumulVar(manager.NodeToIndex(i)).SetRange(nodes[i]["ready"], nodes[i]["due"])
        if nodes[i]["prize"] is not None:
            routing.AddDisjunction([manager.NodeToIndex(i)], nodes[i]["prize"])
    for k, v in enumerate(fleet):
        home = nodes[v["depot"]]
        if home["due"] is not None:
            for end in (routing.Start(k), routing.End(k)):
                time.CumulVar(end).SetRange(home["ready"], home["due"])
        limits = [m for m in (v["max_duration"], v["max_distance"]) if m is not None]
        if limits:
            time.SetSpanUpperBoundForVehicle(min(limits), k)
            routing.AddVariableMinimizedByFinalizer(time.CumulVar(routing.End(k)))
    for pickup, delivery in pairs.items():
        a, b = manager.NodeToIndex(pickup), manager.NodeToIndex(delivery)
        routing.AddPickupAndDelivery(a, b)
        solver.Add(routing.VehicleVar(a) == routing.VehicleVar(b))
        solver.Add(time.CumulVar(a) <= time.CumulVar(b))
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    parameters.time_limit.FromMilliseconds(int(seconds * 1000))
    answer = routing.SolveWithParameters(parameters)
    if answer is None:
        raise SystemExit("no solution")
    used = []
    for k in range(len(fleet)):
        index, stops = routing.Start(k), []
        while not routing.IsEnd(index):
            node = manager.IndexToNode(index)
            if node >= depots:
                stops.append(node)
            index = answer.Value(routing.NextVar(index))
        used.append((k, stops))
    return place(problem, used), 0, ""


def pyvroom(problem, seconds):
    """The VROOM program at its highest exploration level; it stops by itself, at the latest at the limit."""
    import vroom

    nodes, depots = problem["nodes"], problem["depots"]
    pairs = pair_of(problem)
    in_pair = set(pairs) | set(pairs.values())

    def job(i, goods):
        n = nodes[i]
        out = {"id": i, "location_index": i, "service": n["service"], **goods}
        if n["due"] is not None:
            out["time_windows"] = [[n["ready"], n["due"]]]
        return out

    jobs = [
        job(i, {"delivery": [nodes[i]["delivery"]], "pickup": [nodes[i]["pickup"]]})
        for i in range(depots, len(nodes))
        if i not in in_pair
    ]
    shipments = [
        {"amount": [nodes[p]["amount"]], "pickup": job(p, {}), "delivery": job(d, {})} for p, d in pairs.items()
    ]
    vehicles, matrices = [], {}
    k = 0
    for v in problem["vehicles"]:
        profile = f"u{v['unit']}"
        if profile not in matrices:
            matrices[profile] = {
                "durations": problem["duration"] or problem["distance"],
                "costs": [[c * v["unit"] for c in row] for row in problem["distance"]],
            }
        for _ in range(v["count"]):
            home = nodes[v["depot"]]
            one = {
                "id": k, "profile": profile, "start_index": v["depot"], "end_index": v["depot"],
                "capacity": [v["capacity"]], "costs": {"fixed": v["fixed"]},
            }
            if home["due"] is not None:
                one["time_window"] = [home["ready"], home["due"]]
            if v["max_duration"] is not None:
                one["time_window"] = [0, v["max_duration"]]
            if v["max_distance"] is not None:
                one["max_travel_time"] = v["max_distance"]
            vehicles.append(one)
            k += 1
    text = json.dumps({"jobs": jobs, "shipments": shipments, "vehicles": vehicles, "matrices": matrices})
    answer = run_vroom(text, seconds)
    used = [
        (r["vehicle"], [s["id"] for s in r["steps"] if s["type"] in ("job", "pickup", "delivery")])
        for r in answer["routes"]
    ]
    return place(problem, used), 0, f"unassigned {len(answer['unassigned'])}"


def run_vroom(text, seconds, exploration=5):
    """Runs the vroom program of the pip package on input text."""
    program = pathlib.Path(sys.executable).parent / "vroom"
    command = [str(program), "-x", str(exploration), "-t", "1"]
    if seconds:
        command += ["-l", str(seconds)]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        raise SystemExit(f"vroom: {done.stdout[:200]} {done.stderr[:200]}")


def hygese(problem, seconds):
    import hygese

    nodes, v = problem["nodes"], problem["vehicles"][0]
    data = {
        "distance_matrix": problem["distance"],
        "x_coordinates": [n["x"] for n in nodes],
        "y_coordinates": [n["y"] for n in nodes],
        "num_vehicles": v["count"],
        "depot": 0,
        "demands": [n["delivery"] for n in nodes],
        "vehicle_capacity": v["capacity"],
        "service_times": [0] * len(nodes),
    }
    solver = hygese.Solver(parameters=hygese.AlgorithmParameters(timeLimit=seconds, seed=1), verbose=False)
    answer = solver.solve_cvrp(data)
    return [list(route) for route in answer.routes], 0, ""


def main():
    if sys.argv[1:2] == ["versions"]:
        print(json.dumps(versions()))
        return
    _, peer, path, seconds = sys.argv[1:]
    with_shim()
    problem = json.loads(pathlib.Path(path).read_text())
    begin = cpu_seconds()
    solve = {"pyvrp": pyvrp, "ortools": ortools, "pyvroom": pyvroom, "hygese": hygese}[peer]
    # Libraries print; the answer alone goes to stdout.
    out = os.dup(1)
    os.dup2(2, 1)
    routes, iterations, note = solve(problem, float(seconds))
    answer = {"routes": routes, "cpu_seconds": cpu_seconds() - begin, "iterations": iterations, "note": note}
    os.write(out, (json.dumps(answer) + "\n").encode())


if __name__ == "__main__":
    main()
