"""Peers of the road engine that install with pip, and OSRM as an oracle of its answers.

    python3 benches/peers/roads.py path/to/xiangyun [folder for the peers]

OSRM's programs come out of the wheel `osrm-bindings` (unzipped, run as they are). For each real extract both engines
answer the same random table with OSRM's car (`roads_osrm.toml` states its speeds as a profile of ours); every pair
that differs is put into a class by what differs. Prints figures; writes nothing outside of its folder.
"""

import csv
import json
import os
import random
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

WHEEL = "osrm-bindings==26.10.0"
MAPS = ["monaco", "liechtenstein", "andorra"]
POINTS = 150
HERE = Path(__file__).resolve().parent


def run(*args):
    subprocess.run([str(a) for a in args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def cpu_of(*args):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(*args)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def programs(folder):
    """The folder of OSRM's programs, fetched once."""
    bin_ = folder / "osrm" / "bin"
    if not bin_.exists():
        folder.mkdir(parents=True, exist_ok=True)
        run(sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "--python-version", "3.12",
            "--platform", "manylinux_2_28_x86_64", "--no-deps", "-d", folder, WHEEL)
        with zipfile.ZipFile(next(folder.glob("osrm_bindings*.whl"))) as wheel:
            wheel.extractall(folder)
        for program in bin_.iterdir():
            program.chmod(0o755)
    return bin_


class Server:
    """osrm-routed on a free port."""

    def __init__(self, bin_, data):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.process = subprocess.Popen(
            [str(bin_ / "osrm-routed"), "-a", "CH", "-t", "1", "-p", str(self.port), "--max-table-size", "3000", str(data)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("osrm-routed does not answer")

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=120) as answer:
            return json.load(answer)

    def cpu(self):
        ticks = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.terminate()
        self.process.wait()


def places(server, bounds, count, seed):
    """Random places that OSRM puts on a road, as it puts them."""
    dice = random.Random(seed)
    west, south, east, north = bounds
    out = []
    while len(out) < count:
        lon, lat = dice.uniform(west, east), dice.uniform(south, north)
        answer = server.get(f"/nearest/v1/driving/{lon:.6f},{lat:.6f}")["waypoints"][0]
        if answer["distance"] < 400:
            out.append(tuple(answer["location"]))
    return out


BOUNDS = {
    "monaco": (7.40, 43.72, 7.44, 43.752),
    "liechtenstein": (9.48, 47.06, 9.62, 47.26),
    "andorra": (1.45, 42.45, 1.75, 42.63),
}


# Each variant of OSRM's car takes one more of its rules away that are not speeds: a class of differences that goes with
# a rule is explained by it.
VARIANTS = [
    ("as it comes", []),
    ("without turn costs", [("car.lua", "turn_penalty              = 7.5", "turn_penalty              = 0"),
                            ("car.lua", "oncoming_turn_penalty     = 2.0", "oncoming_turn_penalty     = 0.0")]),
    ("and by time alone, not by its preferred roads", [("car.lua", "weight_name                     = 'routability'",
                                                        "weight_name                     = 'duration'")]),
    ("and with posted limits that only lower a class's speed", [
        ("lib/way_handlers.lua", f"result.{way}_speed = {way} * profile.speed_reduction",
         f"result.{way}_speed = math.min(result.{way}_speed, {way} * profile.speed_reduction)")
        for way in ("forward", "backward")]),
]


def variant(folder, number):
    """OSRM's car with the rules of the variants up to this one taken away."""
    came, mine = folder / "osrm" / "share" / "profiles", folder / "osrm" / "share" / f"profiles_{number}"
    shutil.copytree(came, mine, dirs_exist_ok=True)
    for _, changes in VARIANTS[: number + 1]:
        for name, old, new in changes:
            text = (mine / name).read_text()
            if old not in text:
                raise RuntimeError(f"{name} has no {old!r}")
            (mine / name).write_text(text.replace(old, new))
    return mine / "car.lua"


def kind_of(mine, seconds, metres, apart):
    """What differs, and the ratio of the times where it says something."""
    if apart:
        return "an end that is put on another road (20 m and more away)", None
    if mine is None or seconds is None:
        both = mine is None and seconds is None
        return ("unreachable in both" if both else "unreachable here" if mine is None else "unreachable there"), None
    if seconds < 30:
        return "under 30 s, where rounding decides", None
    longer = abs(mine[1] - metres) > max(30, 0.01 * metres)
    faster = abs(mine[0] - seconds) > max(2, 0.02 * seconds)
    return {
        (False, False): "the same way and time (1 % and 30 m, 2 % and 2 s)",
        (False, True): "the same length, another time",
        (True, False): "another length, the same time",
        (True, True): "another way and another time",
    }[longer, faster], mine[0] / seconds


def compare(name, xiangyun, bin_, folder, maps):
    work = folder / name
    work.mkdir(exist_ok=True)
    copy = work / f"{name}.osm.pbf"
    if not copy.exists():
        copy.symlink_to(maps / f"{name}.osm.pbf")
    ours = work / "ours.roads"
    spent_ours = cpu_of(xiangyun, "roads", "build", copy, "-o", ours, "--profiles", HERE / "roads_osrm.toml")
    points, mine, apart = None, {}, set()
    for number, (what, _) in enumerate(VARIANTS):
        data = work / f"{name}.osrm"
        spent = cpu_of(bin_ / "osrm-extract", "-t", "1", "-p", variant(folder, number), copy)
        spent += cpu_of(bin_ / "osrm-contract", "-t", "1", data)
        server = Server(bin_, data)
        try:
            if points is None:
                print(f"{name}: build OSRM {spent:.2f} CPU-s, xiangyun {spent_ours:.2f} CPU-s")
                points = places(server, BOUNDS[name], POINTS, 7)
                mine = table_here(xiangyun, ours, work, points)
                apart = put_apart(xiangyun, ours, points)
            last = number + 1 == len(VARIANTS)
            report(f"{name}, OSRM's car {what}", server, xiangyun, ours, points, mine, apart, number == 0, last)
        finally:
            server.close()


def table_here(xiangyun, ours, work, points):
    points_csv, out_csv = work / "points.csv", work / "table.csv"
    with points_csv.open("w", newline="") as f:
        rows = csv.writer(f)
        rows.writerow(["id", "lon", "lat"])
        rows.writerows([i, f"{lon:.6f}", f"{lat:.6f}"] for i, (lon, lat) in enumerate(points))
    run(xiangyun, "roads", "matrix", ours, points_csv, "-o", out_csv, "--profile", "car")
    mine = {}
    with out_csv.open() as f:
        for row in csv.DictReader(f):
            value = (float(row["seconds"]), float(row["metres"])) if row["seconds"] else None
            mine[int(row["from"]), int(row["to"])] = value
    return mine


def put_apart(xiangyun, ours, points):
    """Points that lie on a road there and are put on another here: on a road that our rules close, as a rule."""
    apart = set()
    for i, point in enumerate(points):
        other = points[i - 1]
        answer = subprocess.run([xiangyun, "roads", "route", "--profile", "car", "--json", ours,
                                 f"{point[0]:.6f},{point[1]:.6f}", f"{other[0]:.6f},{other[1]:.6f}"],
                                capture_output=True, text=True)
        if answer.returncode or json.loads(answer.stdout)["snapped"][0]["moved_m"] > 20:
            apart.add(i)
    return apart


def report(name, server, xiangyun, ours, points, mine, apart, timed, last):
    text = ";".join(f"{lon:.6f},{lat:.6f}" for lon, lat in points)
    theirs = server.get(f"/table/v1/driving/{text}?annotations=duration,distance")
    if timed:
        before, times = server.cpu(), 20
        for _ in range(times):
            server.get(f"/table/v1/driving/{text}")
        print(f"{name}: /table {POINTS} x {POINTS} by HTTP {(server.cpu() - before) / times * 1e3:.1f} ms CPU")
    classes, ratios = {}, []
    for i, j in ((i, j) for i in range(POINTS) for j in range(POINTS) if i != j):
        kind, ratio = kind_of(
            mine[i, j], theirs["durations"][i][j], theirs["distances"][i][j], i in apart or j in apart)
        classes[kind] = classes.get(kind, 0) + 1
        ratios += [] if ratio is None else [ratio]
    ratios.sort()
    share = lambda q: ratios[min(len(ratios) - 1, int(q * len(ratios)))]
    print(f"{name}: seconds here / seconds there: p1 {share(.01):.3f}, p10 {share(.1):.3f}, median "
          f"{statistics.median(ratios):.3f}, p90 {share(.9):.3f}, p99 {share(.99):.3f}, of {len(ratios)} pairs")
    total = sum(classes.values())
    for kind, count in sorted(classes.items(), key=lambda c: -c[1]):
        print(f"  {100 * count / total:6.2f} %  {kind}")
    if last:
        examples(name, server, xiangyun, ours, points, mine, theirs, apart)


def examples(name, server, xiangyun, ours, points, mine, theirs, apart):
    """The pairs that differ most, with the roads of both ways, for whoever explains a class."""
    pairs = [(abs(mine[i, j][0] / theirs["durations"][i][j] - 1), i, j)
             for i in range(len(points)) for j in range(len(points))
             if i != j and not {i, j} & apart and mine[i, j] and theirs["durations"][i][j] and theirs["durations"][i][j] > 60]
    for _, i, j in sorted(pairs, reverse=True)[:3]:
        a, b = points[i], points[j]
        there = server.get(f"/route/v1/driving/{a[0]:.6f},{a[1]:.6f};{b[0]:.6f},{b[1]:.6f}?steps=true")["routes"][0]
        here = json.loads(subprocess.run(
            [xiangyun, "roads", "route", "--profile", "car", "--json", ours, f"{a[0]:.6f},{a[1]:.6f}",
             f"{b[0]:.6f},{b[1]:.6f}"], check=True, capture_output=True, text=True).stdout)
        roads = lambda steps: ", ".join(f"{n or '-'} {m:.0f} m" for n, m in steps)
        print(f"  {name} {a} to {b}")
        print(f"    here  {here['seconds']} s {here['metres']} m: {roads([(s['name'], s['metres']) for s in here['steps']])}")
        legs = [(s["name"], s["distance"]) for s in there["legs"][0]["steps"]]
        print(f"    there {there['duration']:.0f} s {there['distance']:.0f} m: {roads(legs)}")


def main():
    maps = Path(os.environ["XIANGYUN_TESTDATA"]) / "osm"
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else "target/peers/roads").resolve()
    bin_ = programs(folder)
    for name in MAPS:
        compare(name, str(Path(sys.argv[1]).resolve()), bin_, folder, maps)


main()
