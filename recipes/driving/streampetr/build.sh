#!/bin/bash
# Gathers StreamPETR's Python; its configurations build upon those of mmdet3d, in a folder beside them.
set -euo pipefail

mkdir -p "$OUT/streampetr"
cp -r LICENSE projects tools "$OUT/streampetr/"
ln -s ../mmdetection3d "$OUT/streampetr/mmdetection3d"
