#!/usr/bin/env bash
# Runs on a machine with an NVIDIA GPU what only such a machine can show, prints
# a table and writes build/gpu.json.
#   bash test/gpu.sh
# Exit status: 0 if all that ran passed, 1 if not, 77 without a GPU.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

case "${1:-}" in
  "") ;;
  -h | --help)
    sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0 ;;
  *) echo "gpu.sh: error: unknown argument $1; try --help" >&2; exit 2 ;;
esac

if ! gpus=$(nvidia-smi -L 2>/dev/null) || [ -z "$gpus" ]; then
  echo "gpu.sh: no GPU (nvidia-smi finds none): nothing was run"
  exit 77
fi
echo "$gpus"

mkdir -p build
[ -e build/build.ninja ] ||
  cmake --preset dev >build/configure.log 2>&1 || { tail -n 20 build/configure.log >&2; exit 1; }
if ! grep -q '^FABRIC_NCCL_HEADER:FILEPATH=/' build/CMakeCache.txt; then
  echo "gpu.sh: error: this build has no CUDA: tools/fetch-cuda.sh gets the toolkit" >&2
  exit 1
fi
suites=(DeviceTest GemmTest CommCudaTest CommNcclTest CudaLibrariesTest)
cmake --build build --target "${suites[@]}"

rm -rf build/gpu
mkdir -p build/gpu
for suite in "${suites[@]}"; do
  build/test/unit/"$suite" --gtest_output=json:build/gpu/"$suite".json >build/gpu/"$suite".log 2>&1 || true
done

python3 - "$gpus" "${suites[@]}" <<'PYTHON'
import json, os, sys

gpus, suites = sys.argv[1].splitlines(), sys.argv[2:]
rows = []
for suite in suites:
    path = f"build/gpu/{suite}.json"
    if not os.path.exists(path):  # It ended before it could write.
        rows.append({"what": suite, "passed": 0, "failed": 1, "skipped": 0, "log": f"build/gpu/{suite}.log"})
        continue
    tests = [test for group in json.load(open(path))["testsuites"] for test in group["testsuite"]]
    failed = sum("failures" in test for test in tests)
    skipped = sum(test["result"] == "SKIPPED" for test in tests)
    rows.append({"what": suite, "passed": len(tests) - failed - skipped, "failed": failed,
                 "skipped": skipped, "log": f"build/gpu/{suite}.log"})
# No number is written that was not measured.
absent = {
    "shipped models, against the CPU": "fabric-compile has no --target=cuda yet",
    "kernels' bytes/s, step times, launch overhead": "fabric-compile has no --target=cuda yet",
}
with open("build/gpu.json", "w") as file:
    json.dump({"gpus": gpus, "suites": rows, "not_run": absent}, file, indent=2)
    file.write("\n")

print(f"\n{'what':<48}{'passed':>8}{'failed':>8}{'skipped':>9}")
for row in rows:
    print(f"{row['what']:<48}{row['passed']:>8}{row['failed']:>8}{row['skipped']:>9}")
for what, why in absent.items():
    print(f"{what:<48}not run: {why}")
sys.exit(any(row["failed"] for row in rows))
PYTHON
