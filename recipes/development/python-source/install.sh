#!/bin/bash
# Makes the standard library's bytecode, which the image's user could not write, and which no clock invalidates.
set -euo pipefail

/opt/python/bin/python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash "/opt/python/lib/python$PYTHON_VERSION"
