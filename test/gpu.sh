#!/usr/bin/env bash
# Runs on a machine with an NVIDIA GPU what only such a machine can show, prints
# a table and writes build/gpu.json; test/gpu/README.md says what.
#   bash test/gpu.sh                       builds, compiles plans, runs
#   bash test/gpu.sh --pack FOLDER [ARCH]  with LLVM, without a GPU: makes the plans to carry (ARCH: sm_90)
#   bash test/gpu.sh --carried FOLDER      with a GPU, without LLVM: builds the runtime alone, runs what was carried
# Exit status: 0 if all that ran passed, 1 if not, 77 without a GPU.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

usage() { echo "gpu.sh: error: $1; try --help" >&2; exit 2; }
carried=""
case "${1:-}" in
  "") ;;
  -h | --help)
    sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0 ;;
  --pack)
    [ -n "${2:-}" ] || usage "--pack: expected a folder"
    exec python3 test/gpu/gpu.py pack "$2" --target="cuda:${3:-sm_90}" ;;
  --carried)
    [ -f "${2:-}/index.json" ] || usage "--carried: expected a folder that --pack has filled, found '${2:-}'"
    carried=$2 ;;
  *) usage "unknown argument $1" ;;
esac

if ! gpus=$(nvidia-smi -L 2>/dev/null) || [ -z "$gpus" ]; then
  echo "gpu.sh: no GPU (nvidia-smi finds none): nothing was run"
  exit 77
fi
echo "$gpus"
mkdir -p build/gpu

configure() { # configure NAME COMMAND...
  "${@:2}" >build/gpu/"$1".log 2>&1 || { tail -n 20 build/gpu/"$1".log >&2; exit 1; }
}
if [ -n "$carried" ]; then
  configure configure cmake -S runtime -B build/gpu/runtime
  grep -h 'Fabric: ' build/gpu/configure.log
  cmake --build build/gpu/runtime -j "$(nproc)"
  pack=$carried
else
  [ -e build/build.ninja ] || configure configure cmake --preset dev
  if ! grep -q '^FABRIC_NCCL_HEADER:FILEPATH=/' build/CMakeCache.txt; then
    echo "gpu.sh: error: this build has no CUDA: tools/fetch-cuda.sh gets the toolkit" >&2
    exit 1
  fi
  cmake --build build --target fabric-compile fabric-run copy-bandwidth \
    DeviceTest GemmTest CommCudaTest CommNcclTest CudaLibrariesTest
  capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1)
  pack=build/gpu/pack
  python=python3
  [ -x build/venv/bin/python ] && python=build/venv/bin/python
  $python test/gpu/gpu.py pack $pack --target="cuda:sm_${capability//./}"
fi
exec python3 test/gpu/gpu.py run "$pack" --gpus="$gpus"
