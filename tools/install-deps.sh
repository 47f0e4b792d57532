#!/bin/sh
# Installs the Debian 12 packages that squall is built and tested with, or those named as arguments. Does nothing when
# they are all there.
# usage: install-deps.sh [PACKAGE...]
set -eu

packages="
ccache clang-format-16 cmake g++ git libbenchmark-dev libboost1.81-dev libcctz-dev libcli11-dev libcurl4-openssl-dev
libexpected-dev libfmt-dev libgmock-dev libgtest-dev libnss-wrapper libpcre2-dev libsimdjson-dev libspdlog-dev libsqlite3-dev libssh-dev
libssl-dev libyaml-dev mold ninja-build openssh-client openssh-server openssl pkg-config procps python3 python3-lib2to3 python3-venv sqlite3 strace
tzdata
"
[ $# -eq 0 ] || packages="$*"

missing=""
for package in $packages; do
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "make deps: these packages are missing, and neither root nor sudo is there to install them:$missing" >&2
    exit 1
  }
  as_root="sudo"
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { $as_root apt-get update -q && $as_root apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1; then
  cat "$log" >&2
  echo "make deps: the installation failed; the lines above say why" >&2
  exit 1
fi
rm -f "$log"
