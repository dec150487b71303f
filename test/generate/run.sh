#!/usr/bin/env bash
# Checks generated programs; test/generate/README.md says what was seen.
#   bash test/generate/run.sh                             20,000 programs, one in 50 also as a plan
#   bash test/generate/run.sh --programs=1000 --seed=5    others; any flag of fabric-generate
# Prints counts by kind, op, mesh and outcome. What fails is made small and kept
# in build/generate/; exit status 1 if there was any.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

case "${1:-}" in
  -h | --help) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
esac

cmake --preset dev >/dev/null
cmake --build build --target fabric-generate >/dev/null
rm -rf build/generate
mkdir -p build/generate
# Later flags win over these.
OMP_NUM_THREADS=1 exec build/bin/fabric-generate --programs=20000 --plans-every=50 --jobs=2 \
  --output-dir=build/generate "$@"
