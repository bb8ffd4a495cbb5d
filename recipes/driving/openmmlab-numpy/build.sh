#!/bin/bash
# Unpacks the wheels into a folder, and tells the environment's Python to look into it first.
set -euo pipefail

folder=openmmlab-numpy
site=$OUT/venv/lib/python$PYTHON_VERSION/site-packages
mkdir -p "$OUT/$folder" "$site"
for wheel in *.whl; do
    python3 -m zipfile -e "$wheel" "$OUT/$folder"
done
# For pip the environment's own numpy is the one that there is; else it would put that beside these again and again.
rm -r "$OUT/$folder"/*.dist-info
# A line of a .pth file that begins with `import` is run; a plain folder would be looked into last.
echo "import sys; sys.path.insert(0, '/opt/$folder')" >"$site/$folder.pth"
