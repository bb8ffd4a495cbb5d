#!/bin/bash
# Gathers TopoMLP's Python and its data set's kit.
set -euo pipefail

mkdir -p "$OUT/topomlp"
python3 -m zipfile -e openlanev2-1.0.0-py3-none-any.whl "$OUT/topomlp"
rm -r "$OUT"/topomlp/*.dist-info
cd topomlp
cp -r LICENSE projects tools "$OUT/topomlp/"
