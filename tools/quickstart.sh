#!/usr/bin/env bash
# From a bare Debian 12 to a model trained on four ranks: installs what is
# missing, builds, compiles the shipped model for dp=2 tp=2, trains 16 steps.
# May be run again; it does only what is left to do.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

case "${1:-}" in
  "") ;;
  -h | --help)
    echo "usage: bash tools/quickstart.sh"
    echo "Installs Fabric's Debian packages where they are missing, builds into build/"
    echo "(without assertions, unless the tests have built there before), and trains the"
    echo "shipped feed-forward on four ranks in this machine."
    exit 0 ;;
  *) echo "quickstart.sh: error: unknown argument $1; try --help" >&2; exit 2 ;;
esac

step() { printf '\n== %s\n' "$*"; }

step "packages"
bash tools/install-deps.sh

step "build (into $root/build)"
mkdir -p build
# What test/run.sh has built, with assertions, does as well.
[ -f build/build.ninja ] || cmake --preset release -B build >build/configure.log 2>&1 ||
  { tail -n 20 build/configure.log >&2; exit 1; }
cmake --build build --target fabric-opt fabric-compile fabric-run fabric-verify

step "compile test/models/feedforward.mlir for dp=2 tp=2"
build/bin/fabric-compile test/models/feedforward.mlir -o build/feedforward.bin \
  --dp=2 --tp=2 --train=adamw --lr=3e-3 --report

step "train on four ranks"
build/bin/fabric-run build/feedforward.bin --data=random --seed=0 --steps=16

as_root=""
[ "$(id -u)" -ne 0 ] || as_root=" --allow-run-as-root"
step "next"
cat <<END
  the program of one rank:
    $root/build/bin/fabric-opt $root/test/models/feedforward.mlir --shard-2d="dp=2 tp=2"
  the same run again:
    $root/build/bin/fabric-run $root/build/feedforward.bin --data=random --steps=16
  one process a rank:
    mpirun -n 4$as_root --oversubscribe $root/build/bin/fabric-run $root/build/feedforward.bin --data=random --steps=16
  proof that the sharded plan computes what the model says:
    $root/build/bin/fabric-verify $root/test/models/feedforward.mlir --meshes=2x2,4x1,1x4
  all tests:
    bash $root/test/run.sh
END
