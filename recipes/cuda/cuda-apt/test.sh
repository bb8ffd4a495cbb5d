#!/bin/bash
# Checks that apt knows the archive.
set -euo pipefail

# shellcheck disable=SC2016  # apt's variable, not the shell's
apt-get indextargets --no-release-info --format '$(SITE)' | grep '^https://developer.download.nvidia.com/compute/cuda/repos/' || {
    echo "apt does not know NVIDIA's CUDA archive" >&2
    exit 1
}
