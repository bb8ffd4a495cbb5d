#!/bin/bash
# Gathers StreamPETR's Python; its configurations build upon those of mmdet3d, in a folder beside them.
set -euo pipefail

mkdir -p "$OUT/streampetr"
for package in fvcore-0.1.5.post20221221 iopath-0.1.10; do
    tar -xzf "$package.tar.gz"
    cp -r "$package/${package%%-*}" "$OUT/streampetr/"
done
cd streampetr
cp -r LICENSE projects tools "$OUT/streampetr/"
ln -s ../mmdetection3d "$OUT/streampetr/mmdetection3d"
