#!/bin/bash
# Compiles PyCUDA for the environment's Python, with the Boost that is in its source archive.
set -euo pipefail

apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-dev

site=$OUT/opt/venv/lib/python$PYTHON_VERSION/site-packages
mkdir -p "$site"
python3 -m pip install "setuptools>=61,<81" wheel
MAKEFLAGS=-j$JOBS python3 -m pip install --no-deps --no-build-isolation --no-compile --target "$site" "./pycuda-$VERSION.tar.gz"
