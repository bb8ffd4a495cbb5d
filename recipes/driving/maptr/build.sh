#!/bin/bash
# Compiles MapTR's kernel for attention, for the target's GPUs and without one, and gathers its Python.
set -euo pipefail

site=$OUT/venv/lib/python$PYTHON_VERSION/site-packages
mkdir -p "$OUT/maptr" "$site"

pushd projects/mmdet3d_plugin/maptr/modules/ops/geometric_kernel_attn
# It compiles only where it sees a GPU, which no build does.
sed -i 's/torch\.cuda\.is_available() and CUDA_HOME is not None/CUDA_HOME is not None/' setup.py
MAX_JOBS=$JOBS python3 setup.py build_ext --build-lib "$site"
rm -rf build src
popd
cp -r LICENSE projects tools "$OUT/maptr/"
