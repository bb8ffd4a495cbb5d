#!/bin/bash
# Unpacks the wheel: it is Python only, so there is nothing more to install.
set -euo pipefail

site=$OUT/opt/venv/lib/python$PYTHON_VERSION/site-packages
mkdir -p "$site"
python3 -m zipfile -e ./*.whl "$site"
