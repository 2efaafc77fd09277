"""The county's plan against its baselines on several days, all rows with the same steps of search and the same checker.

    county_baselines.py [--days 5] [--steps 200000] [--rows c,e,f] [--from 2026-11-23] [--county data/baofeng]
        [--program target/release/xiangyun]

Plans each day with `xiangyun plan --steps`, runs `xiangyun report baselines` on it and prints the mean of every row. Row (e)
needs PyVRP in the Python named by XIANGYUN_PYTHON, in target/peers/bin/python or in python3. Exit 1 if a plan breaks a rule, if
(c) is less than 3 % dearer than ours on the mean, or if (e) or (f) is not dearer.
"""

import argparse
import collections
import datetime
import json
import pathlib
import subprocess
import tempfile


def run(*args):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True)
    if not done.stdout:
        raise SystemExit(f"{' '.join(map(str, args))}: {done.stderr}")
    return json.loads(done.stdout)


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--days", type=int, default=5)
    ask.add_argument("--steps", type=int, default=200_000)
    ask.add_argument("--rows", default="")
    ask.add_argument("--from", dest="first", default="2026-11-23")
    ask.add_argument("--county", default="data/baofeng")
    ask.add_argument("--program", default="target/release/xiangyun")
    told = ask.parse_args()
    sums = collections.defaultdict(lambda: collections.Counter())
    names, sound = {}, True
    for day in range(told.days):
        date = datetime.date.fromisoformat(told.first) + datetime.timedelta(days=day)
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "plan"
            run(told.program, "plan", "--county", told.county, "--date", date, "--out", out, "--steps", told.steps,
                "--threads", 1, "--json")
            only = ["--rows", told.rows] if told.rows else []
            rows = run(told.program, "report", "baselines", out, "--steps", told.steps, "--json", *only)
        for row in rows:
            names[row["id"]] = row["name_en"]
            sound &= row["ok"]
            for key in ("orders", "served", "cost_fen", "metres", "vehicles", "violations"):
                sums[row["id"]][key] += row[key]
        print(date, " ".join(f"{row['id']} {row['cost_fen'] / 100:.0f}" for row in rows), flush=True)
    print(f"\n| row | mean cost, yuan | against ours | served | km | vehicles | violations |\n|---|--:|--:|--:|--:|--:|--:|")
    ours = sums["ours"]["cost_fen"]
    for row, total in sums.items():
        above = 100 * (total["cost_fen"] / ours - 1)
        print(f"| {row} {names[row]} | {total['cost_fen'] / 100 / told.days:.0f} | {above:+.1f} % | "
              f"{100 * total['served'] / total['orders']:.2f} % | {total['metres'] / 1000 / told.days:.0f} | "
              f"{total['vehicles'] / told.days:.1f} | {total['violations']} |")
    judged = {"c": 1.03, "e": 1.0, "f": 1.0}
    held = all(sums[row]["cost_fen"] > least * ours for row, least in judged.items() if row in sums)
    raise SystemExit(0 if sound and held else 1)


if __name__ == "__main__":
    main()
