#!/bin/bash
# Checks that apt knows the archive, and may read its key.
set -euo pipefail

# shellcheck disable=SC2016  # apt's variables, not the shell's
apt-get indextargets --no-release-info --format '$(SITE) $(RELEASE)' | grep '^https://repo.download.nvidia.com/jetson/common r' || {
    echo "apt does not know NVIDIA's archive" >&2
    exit 1
}
[[ $(stat --format %a /usr/share/keyrings/nvidia-jetson.asc) == 644 ]]
