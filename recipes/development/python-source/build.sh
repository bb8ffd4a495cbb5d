#!/bin/bash
# Compiles Python for /opt/python. Its pip goes to $OUT/pip, from where other stages borrow it.
set -euo pipefail

apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    libbz2-dev libffi-dev liblzma-dev libreadline-dev libsqlite3-dev libssl-dev uuid-dev xz-utils zlib1g-dev

tar -xJf ./*.tar.xz --strip-components=1
./configure --prefix=/opt/python --without-ensurepip --disable-test-modules
make -j"$JOBS"
make install DESTDIR="$OUT"

lib=$OUT/opt/python/lib/python$PYTHON_VERSION
rm -rf "${lib:?}"/config-*/libpython*.a "$OUT/opt/python"/lib/libpython*.a "$lib/test"
find "$OUT" -name __pycache__ -prune -exec rm -rf {} +
mkdir "$OUT/pip"
./python -m zipfile -e "$lib"/ensurepip/_bundled/pip-*.whl "$OUT/pip"
