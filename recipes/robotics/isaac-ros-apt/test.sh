#!/bin/bash
# Checks that apt knows the archive.
set -euo pipefail

# shellcheck disable=SC2016  # apt's variable, not the shell's
apt-get indextargets --no-release-info --format '$(SITE)' | grep '^https://isaac.download.nvidia.com/isaac-ros/release-' || {
    echo "apt does not know NVIDIA's archive of Isaac ROS" >&2
    exit 1
}
