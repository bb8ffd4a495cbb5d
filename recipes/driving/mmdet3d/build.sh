#!/bin/bash
# Compiles mmdet3d's operators for the target's GPUs, without one, and gathers it with its old dependencies.
set -euo pipefail

site=$OUT/venv/lib/python$PYTHON_VERSION/site-packages
mkdir -p "$OUT/mmdet3d" "$OUT/mmdetection3d" "$site"

cd "source/$FOLDER"
if [[ $OPERATORS == 1 ]]; then
    FORCE_CUDA=1 MAX_JOBS=$JOBS python3 setup.py build_ext --inplace
fi
cp -r mmdet3d "$OUT/mmdet3d/"
cp -r configs "$OUT/mmdetection3d/"
find "$OUT/mmdet3d" -name src -type d -prune -exec rm -r {} +     # the operators' source

cd "$SRC"
python3 -m zipfile -e networkx-2.2.zip .
tar -xzf trimesh-2.35.39.tar.gz
cp -r networkx-2.2/networkx trimesh-2.35.39/trimesh "$OUT/mmdet3d/"

# As in openmmlab-numpy: before the environment, which has a newer networkx for others.
echo "import sys; sys.path.insert(0, '/opt/mmdet3d')" >"$site/mmdet3d.pth"
