"""The county's one-tier problem: our `vrp solve`, 10 s on one thread, against the VROOM program at exploration level 5.

    vroom_county.py PLAN_DIR [XIANGYUN]

`vrp export PLAN_DIR --format vroom` makes the problem; `vrp check` prices both answers. Exit 1 if ours costs more. Needs the
pip package pyvroom in the Python that runs this.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

from peers import run_vroom

SECONDS = 10


def xiangyun(program, *args):
    done = subprocess.run([program, *map(str, args)], capture_output=True, text=True)
    if done.returncode not in (0, 1) or not done.stdout:
        raise SystemExit(f"xiangyun {args[0]} {args[1]}: {done.stderr}")
    return done.stdout


def main():
    plan = pathlib.Path(sys.argv[1])
    program = sys.argv[2] if len(sys.argv) > 2 else "target/release/xiangyun"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        problem, ours, theirs = folder / "problem.json", folder / "ours.json", folder / "theirs.json"
        problem.write_text(xiangyun(program, "vrp", "export", plan, "--format", "vroom"))
        limits = ["--seconds", SECONDS, "--clock", "cpu", "--threads", 1]
        xiangyun(program, "vrp", "solve", problem, *limits, "--json", "-o", ours)
        theirs.write_text(json.dumps(run_vroom(problem.read_text(), 0)))
        prices = {}
        for name, answer in (("xiangyun", ours), ("vroom", theirs)):
            report = json.loads(xiangyun(program, "vrp", "check", problem, answer, "--json"))
            unassigned = len(json.loads(answer.read_text()).get("unassigned", []))
            prices[name] = (unassigned, report["cost"])
            print(f"{name}: cost {report['cost']}, {report['vehicles']} trips, {unassigned} unassigned, sound {report['ok']}")
        ours_rank, theirs_rank = prices["xiangyun"], prices["vroom"]
        gap = 100 * (ours_rank[1] / theirs_rank[1] - 1)
        print(f"ours against vroom: {gap:+.2f} %")
        raise SystemExit(0 if ours_rank <= theirs_rank else 1)


if __name__ == "__main__":
    main()
