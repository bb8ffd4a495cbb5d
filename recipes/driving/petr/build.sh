#!/bin/bash
# Gathers PETR's Python; its configurations build upon those of mmdet3d, in a folder beside them.
set -euo pipefail

mkdir -p "$OUT/petr"
cp -r LICENSE projects tools "$OUT/petr/"
ln -s ../mmdetection3d "$OUT/petr/mmdetection3d"
