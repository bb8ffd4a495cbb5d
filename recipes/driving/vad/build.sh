#!/bin/bash
# Gathers VAD's Python.
set -euo pipefail

mkdir -p "$OUT/vad"
cp -r LICENSE projects tools "$OUT/vad/"
