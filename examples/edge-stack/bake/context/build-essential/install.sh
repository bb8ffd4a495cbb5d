#!/bin/bash
# Adds the compiler for $TARGETARCH, if that is not the architecture of this machine.
set -euo pipefail

if [[ $(dpkg --print-architecture) == "$TARGETARCH" ]]; then
    exit 0
fi
case "$TARGETARCH" in
    amd64) package=g++-x86-64-linux-gnu ;;
    arm64) package=g++-aarch64-linux-gnu ;;
    *)
        echo "no cross-compiler for $TARGETARCH" >&2
        exit 1
        ;;
esac
apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package"
apt-get clean
rm -rf /var/lib/apt/lists/*
