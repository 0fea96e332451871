#!/bin/sh
# Installs redis-server from Debian for `make bench`. The service of the package is not needed:
# the benchmark starts a server of its own on a unix socket.
set -eu

fail() {
    echo "make bench compares with a real redis-server: $1" >&2
    exit 1
}

command -v apt-get >/dev/null || fail "there is no apt-get here, install redis-server yourself"
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "run as root: apt-get install redis-server"
    as_root="sudo -n"
fi
$as_root apt-get update -qq || fail "apt-get update did not work (as root?)"
DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    $as_root apt-get install -y -qq --no-install-recommends redis-server >/dev/null ||
    fail "apt-get install redis-server did not work"
command -v redis-server >/dev/null || fail "it is installed, but not on PATH"
