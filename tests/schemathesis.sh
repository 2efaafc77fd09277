#!/usr/bin/env bash
# Thousands of requests made from the OpenAPI document against a real daemon: no 5xx, every answer fits its schema.
# REQUESTS (default 5000) is the least number of requests.
set -euo pipefail
cd "$(dirname "$0")/.."
REQUESTS="${REQUESTS:-5000}"
TARGET="${CARGO_TARGET_DIR:-target}"
XIANGYUN="${XIANGYUN:-$TARGET/debug/xiangyun}"
if [ -z "${XIANGYUN_VENV:-}" ] || [ ! -x "$XIANGYUN_VENV/bin/schemathesis" ]; then
    echo "schemathesis: not run, 0 of $REQUESTS requests: tests/setup.sh could not install it" >&2
    exit 0
fi
exec "$XIANGYUN_VENV/bin/python" tests/schemathesis_run.py "$XIANGYUN" "$XIANGYUN_VENV/bin/schemathesis" "$REQUESTS"
