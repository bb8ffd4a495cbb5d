#!/bin/bash
# Compiles Python for /opt/python. Its pip goes to $OUT/pip, from where other stages borrow it.
set -euo pipefail

apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends pkg-config xz-utils

mkdir sources there
tar -xJf ./*.tar.xz -C sources --strip-components=1
options=(--prefix=/opt/python --without-ensurepip --disable-test-modules)
if [[ $BUILDARCH != "$TARGETARCH" ]]; then
    # For another architecture, a Python of the same sources that runs here does what making one needs of itself.
    mkdir here
    (
        cd here
        unset CC CXX AR STRIP CPPFLAGS LDFLAGS PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR
        ../sources/configure "${options[@]}"
        make -j"$JOBS"
    )
    options+=(--build="$(gcc -dumpmachine)" --host="$CROSS_TRIPLE" --with-build-python="$PWD/here/python")
    # what cannot be looked at from here
    options+=(--enable-ipv6 ac_cv_buggy_getaddrinfo=no ac_cv_file__dev_ptmx=yes ac_cv_file__dev_ptc=no)
fi
cd there
../sources/configure "${options[@]}"
make -j"$JOBS"
make install DESTDIR="$OUT"
cd ..

lib=$OUT/opt/python/lib/python$PYTHON_VERSION
rm -rf "${lib:?}"/config-*/libpython*.a "$OUT/opt/python"/lib/libpython*.a "$lib/test"
find "$OUT" -name __pycache__ -prune -exec rm -rf {} +
python3 forget_sysroot.py "$OUT" "$SYSROOT"
mkdir "$OUT/pip"
python3 -m zipfile -e "$lib"/ensurepip/_bundled/pip-*.whl "$OUT/pip"
