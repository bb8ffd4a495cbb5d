#!/bin/bash
# Makes the folder of notebooks for the image's user, whom a new volume then belongs to.
set -euo pipefail

install -d -o 10001 -g 10001 /workspace
