#!/bin/bash
# Lets the dynamic linker find the wheel's library, for programs that are not Python.
set -euo pipefail

folder=$(python3 -c 'import nvidia.nccl; print(list(nvidia.nccl.__path__)[0])')/lib
test -e "$folder/libnccl.so.2"
echo "$folder" >/etc/ld.so.conf.d/nccl.conf
ldconfig
ldconfig -p | grep libnccl.so.2
