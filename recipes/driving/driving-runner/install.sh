#!/bin/bash
# Makes the folder that models run in; the image's user, which has this number, can write to it.
set -euo pipefail
install -d -o 10001 -g 10001 /work
install -d /checkpoints
