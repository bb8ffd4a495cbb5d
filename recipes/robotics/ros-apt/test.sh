#!/bin/bash
# Checks that apt knows the archive.
set -euo pipefail

# shellcheck disable=SC2016  # apt's variable, not the shell's
apt-get indextargets --no-release-info --format '$(SITE)' | grep '^https\?://packages.ros.org/ros2/ubuntu' || {
    echo "apt does not know the archive of ROS 2" >&2
    exit 1
}
