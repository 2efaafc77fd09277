# Sourced by `make test`: brings what the tests need and a fresh machine may lack.
# Debian packages are installed when missing and when we may; otherwise the tests that need them say what they skipped.

xiangyun_apt_updated=0

# need COMMAND PACKAGE: installs PACKAGE when COMMAND is not on the path.
need() {
    if command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; then
        return 0
    fi
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: $1 is missing and cannot be installed here (package $2); tests that need it will say so" >&2
        return 0
    fi
    if [ "$xiangyun_apt_updated" -eq 0 ]; then
        apt-get update -qq >/dev/null 2>&1 || true
        xiangyun_apt_updated=1
    fi
    echo "setup: installing $2" >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null 2>&1 ||
        echo "setup: $2 could not be installed; tests that need it will say so" >&2
}

need mosquitto mosquitto
export PATH="$PATH:/usr/sbin"

# A PostgreSQL of our own for the store's contract tests, on a free port, thrown away afterwards.
xiangyun_start_postgres() {
    need pg_ctl postgresql
    local bin data port
    bin="$(dirname "$(command -v pg_ctl 2>/dev/null || ls /usr/lib/postgresql/*/bin/pg_ctl 2>/dev/null | tail -1)")"
    if [ ! -x "$bin/initdb" ]; then
        bin="$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -1)")"
    fi
    if [ ! -x "$bin/initdb" ]; then
        echo "setup: no PostgreSQL here; its contract tests will say so" >&2
        return 0
    fi
    data="$(mktemp -d /tmp/xiangyun-pg.XXXXXX)"
    port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' 2>/dev/null || echo 54391)"
    local as=()
    if [ "$(id -u)" -eq 0 ]; then
        # The server refuses to run as root.
        id postgres >/dev/null 2>&1 || useradd --system --no-create-home postgres
        chown postgres "$data"
        as=(runuser -u postgres --)
    fi
    if "${as[@]}" "$bin/initdb" -D "$data/db" -U xiangyun --auth=trust -E UTF8 --no-sync >/dev/null 2>&1 &&
        "${as[@]}" "$bin/pg_ctl" -D "$data/db" -w -l "$data/log" \
            -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$data" start >/dev/null 2>&1; then
        export XIANGYUN_PG_URL="postgres://xiangyun@127.0.0.1:$port/postgres"
        # The words are expanded now: the function's locals are gone when the trap runs.
        # shellcheck disable=SC2064
        trap "${as[*]} $bin/pg_ctl -D $data/db -m immediate stop >/dev/null 2>&1; rm -rf $data" EXIT
    else
        echo "setup: PostgreSQL did not start; its contract tests will say so" >&2
        rm -rf "$data"
    fi
}
xiangyun_start_postgres

# Libraries that are not ours, for tests that ask them: a virtual environment and node modules under target/.
xiangyun_libraries() {
    local place="${CARGO_TARGET_DIR:-target}/libraries"
    mkdir -p "$place"
    place="$(cd "$place" && pwd)"
    if [ ! -x "$place/venv/bin/schemathesis" ]; then
        if ! python3 -m venv "$place/venv" >/dev/null 2>&1 ||
            ! "$place/venv/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.* standardwebhooks >/dev/null 2>&1; then
            echo "setup: schemathesis and standardwebhooks could not be installed; tests that need them will say so" >&2
        fi
    fi
    if [ -x "$place/venv/bin/schemathesis" ]; then
        export XIANGYUN_VENV="$place/venv"
    fi
    if command -v npm >/dev/null 2>&1; then
        [ -d "$place/node_modules/standardwebhooks" ] ||
            npm install --silent --no-audit --no-fund --prefix "$place" standardwebhooks@1 >/dev/null 2>&1 || true
        if [ -d "$place/node_modules/standardwebhooks" ]; then
            export XIANGYUN_NODE_MODULES="$place/node_modules"
        fi
    fi
}
xiangyun_libraries
