#!/usr/bin/env bash
# Installs the Debian packages that building Fabric needs; does nothing where
# they are there already. Needs root or sudo only if something is missing.
set -euo pipefail

packages=(
  # compiler and build
  clang-22 lld-22 cmake ninja-build ccache
  # LLVM and MLIR
  libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools
  libzstd-dev zlib1g-dev libcurl4-openssl-dev libedit-dev
  # runtime: GEMMs, ranks over MPI, plan files, command lines, logs
  libdnnl-dev libopenblas-dev libopenmpi-dev openmpi-bin
  nlohmann-json3-dev libcli11-dev libspdlog-dev libssl-dev
  # tests
  libgtest-dev libbenchmark-dev libclang-rt-22-dev python3 python3-venv
)

if [ ! -r /etc/os-release ] || ! grep -qE '^(ID|ID_LIKE)=.*debian' /etc/os-release; then
  echo "install-deps.sh: error: this script knows Debian only; install by hand: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
    missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install-deps.sh: error: not root and no sudo; install by hand: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update &&
       "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
         apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "install-deps.sh: error: apt-get could not install ${missing[*]}" >&2
  exit 1
fi
