#!/usr/bin/env bash
# Assembles PTX for GPUs of three generations; fails where NVIDIA's assembler
# refuses it, or spills registers to memory.
#   test/ptxas.sh PTXAS FILE.ptx...
set -euo pipefail
ptxas=$1
shift
for file in "$@"; do
  target=$(sed -n 's/^\.target sm_\([0-9]*\).*/\1/p' "$file")
  [ -n "$target" ] || { echo "$file: no PTX"; exit 1; }
  for arch in 80 90 100; do
    [ "$arch" -ge "$target" ] || continue
    said=$("$ptxas" -v -arch="sm_$arch" -o /dev/null "$file" 2>&1) || { echo "$said"; exit 1; }
    entries=$(grep -c "Compiling entry function" <<<"$said" || true)
    clean=$(grep -c " 0 bytes spill stores, 0 bytes spill loads" <<<"$said" || true)
    echo "sm_$arch: $entries kernels, $clean without spills"
    [ "$entries" -gt 0 ] && [ "$entries" -eq "$clean" ] || { echo "$said"; exit 1; }
  done
done
