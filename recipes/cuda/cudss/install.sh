#!/bin/bash
# The library lies in a folder of its own, where the dynamic linker does not look.
set -euo pipefail

echo "/usr/lib/aarch64-linux-gnu/libcudss/${CUDA_VERSION%%.*}" >/etc/ld.so.conf.d/libcudss.conf
ldconfig
ldconfig -p | grep libcudss.so.0
