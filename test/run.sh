#!/usr/bin/env bash
# Builds and runs every test.
#   bash test/run.sh          all: lit, unit, end to end, importer, parity with PyTorch
#   bash test/run.sh --fast   without what needs PyTorch
# The last line counts the tests: "N passed, N failed".
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

fast=false
case "${1:-}" in
  "") ;;
  --fast) fast=true ;;
  -h | --help)
    sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0 ;;
  *) echo "run.sh: error: unknown argument $1; try --help" >&2; exit 2 ;;
esac

step() { printf '\n== %s\n' "$*"; }

step "packages"
bash tools/install-deps.sh

# The venv downloads while the build runs.
venv=build/venv
if ! $fast; then
  mkdir -p build
  (
    [ -x $venv/bin/python ] || python3 -m venv $venv
    $venv/bin/python -m pip install --quiet --disable-pip-version-check \
      -r tools/fabric-import/requirements.txt -r test/e2e/requirements.txt
  ) >build/venv.log 2>&1 &
  venv_pid=$!
fi

step "build"
mkdir -p build
cmake --preset dev >build/configure.log 2>&1 || { tail -n 20 build/configure.log >&2; exit 1; }
cmake --build build
cmake --build build --target fabric-test-depends

step "lit and unit tests"
status=0
results=(build/test/lit.xml)
rm -f build/test/lit.xml build/test/pytest.xml
cmake --build build --target check-fabric || status=1

step "the runtime alone"
bash test/runtime_alone.sh || status=1

# The readers of files, under sanitizers; test/fuzz/README.md has the long run.
step "fuzzing, briefly"
bash test/fuzz/run.sh --runtime --runs=20000 || status=1

if ! $fast; then
  step "importer and parity with PyTorch"
  if ! wait $venv_pid; then
    tail -n 20 build/venv.log >&2
    echo "run.sh: error: could not install the Python packages" >&2
    exit 1
  fi
  results+=(build/test/pytest.xml)
  OMP_NUM_THREADS=1 $venv/bin/python -m pytest -q -n 2 test/e2e \
    --junitxml=build/test/pytest.xml || status=1
fi

python3 test/count.py "${results[@]}" || status=1
exit $status
