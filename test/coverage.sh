#!/usr/bin/env bash
# Line coverage of the lit and unit tests (check-fabric), by folder.
#   bash test/coverage.sh                  builds with the preset `coverage` in build-coverage/, runs, reports
#   bash test/coverage.sh --report         reports on the last run
#   bash test/coverage.sh --top=N          how many uncovered stretches to list (default 25)
# Error paths count like all others. What only PyTorch's tests reach counts as
# uncovered: they run the same tools, but are no part of check-fabric.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

run=true
top=25
for argument in "$@"; do
  case "$argument" in
    --report) run=false ;;
    --top=*) top=${argument#*=} ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "coverage.sh: error: unknown argument $argument; try --help" >&2; exit 2 ;;
  esac
done

llvm=$(llvm-config-22 --bindir)
build=build-coverage
status=0
if $run; then
  mkdir -p $build
  cmake --preset coverage >$build/configure.log 2>&1 || { tail -n 20 $build/configure.log >&2; exit 1; }
  cmake --build $build --target fabric-test-depends >$build/build.log 2>&1 || { tail -n 40 $build/build.log >&2; exit 1; }
  rm -rf $build/profiles
  # Eight files that all processes merge into.
  LLVM_PROFILE_FILE="$root/$build/profiles/%8m.profraw" cmake --build $build --target check-fabric || status=1
  "$llvm/llvm-profdata" merge --sparse $build/profiles/*.profraw -o $build/tests.profdata
fi
[ -f $build/tests.profdata ] || { echo "coverage.sh: error: no run to report on; run it without --report" >&2; exit 1; }

objects=()
for binary in $build/bin/* $build/test/unit/*Test; do
  # fabric-import is a script.
  if [ "$(head -c 4 "$binary" | tail -c 3)" = ELF ]; then objects+=(-object "$binary"); fi
done
"$llvm/llvm-cov" export --format=lcov --instr-profile=$build/tests.profdata "${objects[@]}" >$build/tests.lcov
python3 test/coverage_table.py $build/tests.lcov --root="$root" --top="$top"
exit $status
