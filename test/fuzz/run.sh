#!/usr/bin/env bash
# Fuzzes every reader of files under ASan and UBSan.
#   bash test/fuzz/run.sh                      1,000,000 executions a target
#   bash test/fuzz/run.sh --runs=20000         fewer
#   bash test/fuzz/run.sh --only=plan,npy      some targets
#   bash test/fuzz/run.sh --runtime            without what needs LLVM
# One line a target; what fails is kept in build-fuzz/findings/. Exit status 1
# if there was a crash, a hang of 10 s, a leak or 2 GiB of memory.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

runs=1000000
targets=(plan manifest safetensors npy data gemms tp-plan)
depends=fabric-fuzzers-runtime
for argument in "$@"; do
  case "$argument" in
    --runs=*) runs=${argument#*=} ;;
    --only=*) IFS=, read -ra targets <<<"${argument#*=}" ;;
    --runtime) targets=(plan manifest safetensors npy data gemms) ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "run.sh: error: unknown argument $argument; try --help" >&2; exit 2 ;;
  esac
done

case " ${targets[*]} " in *" tp-plan "*) depends=fabric-fuzzers ;; esac

mkdir -p build-fuzz/findings
cmake --preset fuzz >build-fuzz/configure.log 2>&1 || { tail -n 20 build-fuzz/configure.log >&2; exit 1; }
cmake --build build-fuzz --target "$depends" >build-fuzz/build.log 2>&1 || { tail -n 40 build-fuzz/build.log >&2; exit 1; }

status=0
for target in "${targets[@]}"; do
  log=build-fuzz/fuzz-$target.log
  case $target in plan | manifest) length=8192 ;; *) length=2048 ;; esac
  # What a run adds to its corpus stays out of the tree.
  mkdir -p "build-fuzz/corpus/$target"
  failed=no
  build-fuzz/bin/fuzz-"$target" -runs="$runs" -seed=1 -max_len="$length" -timeout=10 -rss_limit_mb=2048 \
    -malloc_limit_mb=1024 -len_control=0 -dict="test/fuzz/$target.dict" -print_final_stats=1 \
    -artifact_prefix="build-fuzz/findings/$target-" \
    "build-fuzz/corpus/$target" "test/fuzz/corpus/$target" >"$log" 2>&1 || failed=yes
  stat() { sed -n "s/^stat::$1: *//p" "$log"; }
  printf '%-12s %9s executions, %6s/s, %5s MiB, %s\n' "$target" "$(stat number_of_executed_units)" \
    "$(stat average_exec_per_sec)" "$(stat peak_rss_mb)" \
    "$([ $failed = no ] && echo "no crash, hang or leak" || echo "FAILED: $log")"
  [ $failed = no ] || status=1
done
exit $status
