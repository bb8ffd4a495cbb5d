#!/bin/bash
# Makes /opt/venv with $PYTHON, and refuses one that is not the target's or the image's version.
set -euo pipefail

"$PYTHON" - "$PYTHON_VERSION" <<'PY'
import sys

found, wanted = "{}.{}".format(*sys.version_info[:2]), sys.argv[1]
if found != wanted:
    sys.exit("{} is Python {}, and {} is wanted".format(sys.executable, found, wanted))
PY
options=(--without-pip)
if [[ $PYTHON == /usr/bin/python3 ]]; then             # the system's packages are made for this one only
    options+=(--system-site-packages)
fi
"$PYTHON" -m venv "${options[@]}" /opt/venv
