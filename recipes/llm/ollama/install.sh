#!/bin/bash
# Makes the folder for models and, on Jetson, lets the dynamic linker find the board's driver.
set -euo pipefail

mkdir -p /models
if [[ $IS_TEGRA == 1 ]]; then
    printf '%s\n' /usr/lib/aarch64-linux-gnu/nvidia /usr/lib/aarch64-linux-gnu/tegra >/etc/ld.so.conf.d/ollama-tegra.conf
    ldconfig
fi
