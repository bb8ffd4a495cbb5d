#!/bin/bash
# Makes /opt/venv with the distribution's Python, and refuses a base image whose Python is not the target's.
set -euo pipefail

/usr/bin/python3 - "$PYTHON_VERSION" <<'PY'
import sys

found, wanted = "{}.{}".format(*sys.version_info[:2]), sys.argv[1]
if found != wanted:
    sys.exit("the base image has Python {}, and the target says {}".format(found, wanted))
PY
/usr/bin/python3 -m venv --system-site-packages --without-pip /opt/venv
