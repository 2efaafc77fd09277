"""Starts a daemon of its own, makes keys, places some orders, and lets schemathesis ask until enough requests were made."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request

xiangyun, schemathesis, wanted = os.path.abspath(sys.argv[1]), sys.argv[2], int(sys.argv[3])
work = tempfile.mkdtemp(prefix="xiangyun-schemathesis.")
county = os.path.join(work, "county")
shutil.copytree("data/baofeng", county, ignore=shutil.ignore_patterns("roads*"))
with open(os.path.join(work, "xiangyun.toml"), "w", encoding="utf-8") as out:
    out.write(
        'county = "county"\ndata = "data"\n[listen]\nhttp = "127.0.0.1:0"\n'
        '[clock]\nsource = "stepped"\nstart = "2026-11-24T05:00:00+08:00"\n'
        '[gateway]\ntcp = "127.0.0.1:0"\nudp = "127.0.0.1:0"\n'
        "[limits]\nrate_a_second = 1e6\nrate_burst = 1e6\nlogins_a_minute = 1e6\n[planner]\nwaiting_max = 0\nseconds = 1.0\n"
    )
daemon = subprocess.Popen(
    [xiangyun, "--lang", "en", "serve", "--config", os.path.join(work, "xiangyun.toml")],
    stdout=subprocess.PIPE,
    stderr=open(os.path.join(work, "daemon.log"), "wb"),
    text=True,
)
url = first = None
while not (url and first):
    line = daemon.stdout.readline()
    if not line:
        sys.exit("the daemon did not start: " + open(os.path.join(work, "daemon.log")).read())
    found = re.search(r"serving (\S+)", line)
    url = found.group(1) if found else url
    found = re.search(r"(first-\S+)", line)
    first = found.group(1) if found else first


def ask(method, path, body, headers):
    request = urllib.request.Request(
        url + path,
        json.dumps(body).encode() if body is not None else None,
        {"content-type": "application/json", **headers},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer), answer.headers


admin = {"user": "root", "name": "root", "standing": {"role": "admin"}, "password": "correct horse battery"}
ask("POST", "/api/v1/users", admin, {"authorization": "Bearer " + first})
_, headers = ask("POST", "/api/v1/login", {"user": "root", "password": "correct horse battery"}, {})
cookie = {"cookie": headers["set-cookie"].split(";")[0]}
keys = {}
for role, extra in {
    "dispatcher": {}, "planner": {}, "admin": {}, "auditor": {}, "carrier": {"carrier": "ZTO"},
    "keeper": {"site": "V410421107004"}, "driver": {"vehicle": "T1"},
}.items():
    made, _ = ask("POST", "/api/v1/keys", {"label": role, "standing": {"role": role, **extra}, "days": 1}, cookie)
    keys[role] = made["secret"]
orders = [
    {
        "id": f"W{n}", "direction": "down", "carrier": "ZTO", "origin": "HUB", "destination": "V410421107004",
        "mass_g": 900, "volume_cm3": 4000, "promise": "2026-11-24T20:00:00+08:00", "agreed": "point",
        "person": {"name": "x", "phone": "13800138000"},
    }
    for n in range(20)
]
ask("POST", "/api/v1/orders/bulk", {"orders": orders}, {"authorization": "Bearer " + keys["dispatcher"]})

made = failures = 0
seed = 1
try:
    while made < wanted and not failures and daemon.poll() is None:
        for role, key in keys.items():
            report = os.path.join(work, f"{role}-{seed}.txt")
            # Fresh operations of one role; the event stream never ends and is left to the tests that read it.
            run = subprocess.run(
                [
                    schemathesis, "run", url + "/api/v1/openapi.json", "--header", f"Authorization: Bearer {key}",
                    "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
                    "--exclude-path", "/api/v1/events", "--exclude-path", "/api/v1/logout",
                    "--max-examples", "12", "--seed", str(seed), "--phases", "examples,coverage,fuzzing",
                    "--workers", "2", "--request-timeout", "30", "--suppress-health-check", "all", "--no-color",
                ],
                stdout=open(report, "wb"), stderr=subprocess.STDOUT, check=False,
            )
            text = open(report, encoding="utf-8", errors="replace").read()
            counted = re.search(r"(\d+) generated", text)
            made += int(counted.group(1)) if counted else 0
            if run.returncode != 0:
                failures += 1
                print(text[-20000:])
                break
            if made >= wanted:
                break
        seed += 1
finally:
    alive = daemon.poll() is None
    daemon.send_signal(signal.SIGTERM)
    code = daemon.wait(30)
log = open(os.path.join(work, "daemon.log"), encoding="utf-8", errors="replace").read()
print(f"schemathesis: {made} requests of {wanted} asked for, {failures} runs with failures, exit {code}")
if not alive or code != 0 or failures or made < wanted or "panicked" in log:
    print(log[-5000:])
    sys.exit(1)
shutil.rmtree(work, ignore_errors=True)
