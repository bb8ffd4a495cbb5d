#!/bin/bash
# Lets the dynamic linker find the board's driver, which the container runtime mounts when a container starts.
set -euo pipefail

printf '%s\n' /usr/lib/aarch64-linux-gnu/nvidia /usr/lib/aarch64-linux-gnu/tegra \
    /usr/lib/aarch64-linux-gnu/tegra-egl >/etc/ld.so.conf.d/nvidia-tegra.conf
ldconfig
