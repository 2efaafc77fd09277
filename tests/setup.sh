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
