#!/bin/bash
# Installs VPI. One of its packages sets up the board's vision accelerator when it is installed, which fails where there
# is no board; it is then installed without that, as the board has its own.
set -euo pipefail

read -r -a packages <<<"$VPI"
apt-get update
if ! apt-get install -y --no-install-recommends "${packages[@]}"; then
    rm -f /var/lib/dpkg/info/pva-allow-*.post*
    dpkg --configure --pending
    apt-get install -y --no-install-recommends "${packages[@]}"
fi
apt-get clean
rm -rf /var/lib/apt/lists/*
