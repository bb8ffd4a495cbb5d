#!/bin/bash
# Checks that apt knows the archive.
set -euo pipefail

# shellcheck disable=SC2016  # apt's variable, not the shell's
apt-get indextargets --no-release-info --format '$(SITE)' | grep '^http://snapshots.ros.org/[a-z]*/final/ubuntu' || {
    echo "apt does not know the archive of ROS 2's snapshots" >&2
    exit 1
}
