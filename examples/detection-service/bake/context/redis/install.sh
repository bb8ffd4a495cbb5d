#!/bin/bash
# From 6.2 on Redis refuses to start where a kernel for arm64 (or QEMU, which stands in for one) could spoil a background
# save. A cache saves nothing.
set -euo pipefail

if redis-server --version | grep -qE ' v=(6\.[2-9]|[7-9]\.|[1-9][0-9])'; then
    echo "ignore-warnings ARM64-COW-BUG" >>/usr/local/etc/redis/redis.conf
fi
