#!/bin/bash
# Checks that apt knows the archive, and prefers other sources.
set -euo pipefail

# shellcheck disable=SC2016  # apt's variables, not the shell's
apt-get indextargets --no-release-info --format '$(SITE)' | grep '^https://developer.download.nvidia.com/compute/cuda/repos/' || {
    echo "apt does not know NVIDIA's CUDA archive" >&2
    exit 1
}
grep -q '^Pin-Priority: 100$' /etc/apt/preferences.d/nvidia-cuda
