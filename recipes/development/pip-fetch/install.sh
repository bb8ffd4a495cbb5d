#!/bin/bash
# Ubuntu 20.04's pip knows neither several --platform options nor today's wheel tags, and keeps what it needs
# outside of dist-packages, where other stages cannot borrow it. A newer one takes its place there.
set -euo pipefail

site=/usr/lib/python3/dist-packages
if python3 -c 'import pip, sys; sys.exit(int(pip.__version__.split(".")[0]) >= 22)'; then
    fresh=$(mktemp -d)
    python3 -m pip install --no-cache-dir --no-compile --target "$fresh" 'pip>=24.3.1,<25.1'
    rm -rf "$site"/pip "$site"/pip-*
    cp -a "$fresh"/pip "$fresh"/pip-*.dist-info "$site"/
    rm -rf "$fresh"
fi
