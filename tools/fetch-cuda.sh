#!/usr/bin/env bash
# Gets the parts of the CUDA toolkit that building the runtime needs from PyPI,
# where NVIDIA publishes them, into build/cuda, where CMake looks for them. For
# machines without the toolkit; needs python3 with venv, no root and no GPU.
#   bash tools/fetch-cuda.sh [FOLDER]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${1:-$root/build/cuda}

# One minor version of everything: nvcc and the headers that it includes.
packages=(
  nvidia-cuda-nvcc==13.0.* nvidia-cuda-crt==13.0.* nvidia-nvvm==13.0.*
  nvidia-cuda-runtime==13.0.* nvidia-cuda-cccl==13.0.* nvidia-cublas==13.*
  nvidia-nvtx==13.0.*
  nvidia-nccl-cu13
)

if [ -x "$target/bin/nvcc" ]; then
  echo "fetch-cuda.sh: $target has a toolkit already"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
  --only-binary=:all: --target="$work/packages" "${packages[@]}"

# The packages of CUDA 13 share one folder, laid out as the toolkit is; NCCL has
# one of its own.
mkdir -p "$target"
cp -a "$work"/packages/nvidia/cu13/. "$target/"
cp -a "$work"/packages/nvidia/nccl/include/. "$target/include/"
cp -a "$work"/packages/nvidia/nccl/lib/. "$target/lib/"

# What a linker and CMake look for beside what is there.
[ -e "$target/lib64" ] || ln -s lib "$target/lib64"
for library in cudart cublasLt nccl; do
  versioned=$(ls "$target"/lib/lib$library.so.* | head -n 1)
  [ -e "$target/lib/lib$library.so" ] || ln -s "$(basename "$versioned")" "$target/lib/lib$library.so"
done
chmod +x "$target"/bin/* "$target"/nvvm/bin/* 2>/dev/null || true
"$target/bin/nvcc" --version | tail -n 2 | head -n 1
