#!/bin/bash
# Makes the folders for projects and for settings, which new volumes take their owner from.
set -euo pipefail

install -d -o 10001 -g 10001 /workspace
install -d -m 0700 -o 10001 -g 10001 /var/lib/code-server
