#!/bin/bash
# The library lies in a folder of its own, where the dynamic linker does not look.
set -euo pipefail

echo "/usr/lib/aarch64-linux-gnu/libcusparseLt/${CUDA_VERSION%%.*}" >/etc/ld.so.conf.d/libcusparselt.conf
ldconfig
ldconfig -p | grep libcusparseLt.so.0
