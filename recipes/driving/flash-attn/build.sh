#!/bin/bash
# Compiles FlashAttention's kernels; which GPUs they are for is written in its setup.py.
set -euo pipefail

tar -xzf "flash_attn-$VERSION.tar.gz"
cd "flash_attn-$VERSION"
MAX_JOBS=$JOBS python3 setup.py build
mkdir -p "$OUT/venv/lib/python$PYTHON_VERSION/site-packages"
cp -r build/lib.*/. "$OUT/venv/lib/python$PYTHON_VERSION/site-packages/"
