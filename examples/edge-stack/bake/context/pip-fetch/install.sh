#!/bin/bash
# Puts a newer pip in the place of Ubuntu's up to 22.04. That of 20.04 knows neither several --platform options nor
# today's wheel tags, and keeps what it needs outside of dist-packages, where other stages cannot borrow it; that of
# 22.04 needs distutils.
set -euo pipefail

site=/usr/lib/python3/dist-packages
if /usr/bin/python3 -c 'import pip, sys; sys.exit(int(pip.__version__.split(".")[0]) >= 23)'; then
    fresh=$(mktemp -d)
    version=24.3.1
    if /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info >= (3, 8))'; then
        version=21.3.1                 # the last for Ubuntu 18.04's Python 3.6
    fi
    /usr/bin/python3 -m pip install --no-cache-dir --no-compile --target "$fresh" "pip==$version"
    rm -rf "$site"/pip "$site"/pip-*
    cp -a "$fresh"/pip "$fresh"/pip-*.dist-info "$site"/
    rm -rf "$fresh"
fi
