"""One routing problem from standard input, solved by PyVRP, as routes of trips on standard output."""

import json
import sys

from pyvrp import Model
from pyvrp.stop import MaxRuntime

FAR = 1 << 30

asked = json.load(sys.stdin)
jobs, vehicles = asked["jobs"], asked["vehicles"]
model = Model()
# One location for each job, so that a vehicle can be kept from a job without being kept from its neighbours.
base_place = vehicles[0]["base"]
loading = max(v["loading"] for v in vehicles)
locations = [model.add_location(0, 0)] + [model.add_location(i + 1, 0) for i in range(len(jobs))]
depot = model.add_depot(locations[0], service_duration=loading)
clients = []
for job, location in zip(jobs, locations[1:]):
    optional = job["prize"] is not None
    clients.append(
        model.add_client(
            location,
            delivery=job["delivery"],
            pickup=job["pickup"],
            service_duration=job["service"],
            tw_early=job["window"][0],
            tw_late=min(job["window"][1], FAR),
            release_time=min(job["release"] + loading, min(job["window"][1], FAR)),
            prize=job["prize"] or 0,
            required=not optional,
        )
    )
places = [base_place] + [job["place"] for job in jobs]
types = []
for vehicle in vehicles:
    profile = model.add_profile()
    barred = set(vehicle["barred"])
    for i, a in enumerate(places):
        for j, b in enumerate(places):
            if i == j:
                continue
            distance, duration = vehicle["distance"][a][b], vehicle["duration"][a][b]
            closed = j - 1 in barred or i - 1 in barred or distance >= FAR
            model.add_edge(
                locations[i],
                locations[j],
                distance=FAR if closed else distance,
                duration=FAR if closed else duration,
                profile=profile,
            )
    limit = {} if vehicle["max_distance"] is None else {"max_distance": vehicle["max_distance"]}
    types.append(
        model.add_vehicle_type(
            1,
            capacity=vehicle["capacity"],
            start_depot=depot,
            end_depot=depot,
            fixed_cost=vehicle["fixed"],
            tw_early=vehicle["shift"][0],
            tw_late=vehicle["shift"][1],
            unit_distance_cost=vehicle["per_distance"],
            unit_duration_cost=vehicle["per_time"],
            profile=profile,
            reload_depots=[depot],
            max_reloads=max(vehicle["max_trips"] - 1, 0),
            **limit,
        )
    )
result = model.solve(MaxRuntime(asked["seconds"]), seed=1, collect_stats=False, display=False)
routes = []
if result.is_feasible():
    for route in result.best.routes():
        trips = [[]]
        for activity in route:
            if activity.is_client():
                trips[-1].append(activity.idx)
            elif trips[-1]:
                trips.append([])
        trips = [trip for trip in trips if trip]
        routes.append({"vehicle": route.vehicle_type(), "trips": trips})
json.dump({"routes": routes}, sys.stdout)
