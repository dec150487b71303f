#!/usr/bin/env bash
# Builds runtime/ by itself, once with CUDA where the toolkit is and once
# without, and runs a plan on each: what a machine without LLVM builds.
#   bash test/runtime_alone.sh [--no-cuda]     --no-cuda: the second only
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

variants=(ON OFF)
case "${1:-}" in
  "") ;;
  --no-cuda) variants=(OFF) ;;
  -h | --help)
    sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0 ;;
  *) echo "runtime_alone.sh: error: unknown argument $1; try --help" >&2; exit 2 ;;
esac

mkdir -p build/runtime
build/bin/fabric-compile test/models/feedforward.mlir -o build/runtime/plan.bin --dp=2 --tp=2 --train=adamw
for cuda in "${variants[@]}"; do
  folder=build/runtime/cuda-$cuda
  rm -rf "$folder"
  # The compiler of the main build: what it has compiled is in the cache.
  cmake -S runtime -B "$folder" -G Ninja -DFABRIC_WITH_CUDA="$cuda" \
    -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 \
    -DCMAKE_CXX_COMPILER_LAUNCHER=ccache >build/runtime/configure.log 2>&1 ||
    { tail -n 20 build/runtime/configure.log >&2; exit 1; }
  grep -h 'Fabric: ' build/runtime/configure.log
  cmake --build "$folder" >build/runtime/build.log 2>&1 ||
    { tail -n 20 build/runtime/build.log >&2; exit 1; }
  if ldd "$folder/bin/fabric-run" | grep -qE 'LLVM|MLIR|libcuda|libcublas|libnccl'; then
    echo "runtime_alone.sh: error: fabric-run is linked with what only some machines have" >&2
    exit 1
  fi
  "$folder/bin/fabric-run" build/runtime/plan.bin --data=random --steps=2
done
