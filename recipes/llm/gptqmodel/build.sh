#!/bin/bash
# Makes packages of the source archives in $SRC, for the environment's Python.
set -euo pipefail

apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libpcre2-dev python3-dev

site=$OUT/opt/venv/lib/python$PYTHON_VERSION/site-packages
mkdir -p "$site"
python3 -m pip install --no-deps --no-compile --target "$site" ./*.tar.gz
rm -rf "${site:?}/bin"
