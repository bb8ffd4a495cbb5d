#!/bin/bash
# Unpacks the build, and has its notes for compilers name the image's paths and its compiler, not those that it was
# made with. Its pip goes to $OUT/pip, from where other stages borrow it.
set -euo pipefail

mkdir -p "$OUT/opt" "$OUT/pip"
tar -xzf ./*.tar.gz -C "$OUT/opt"                      # all is in one folder, python
python=$OUT/opt/python
lib=$python/lib/python$PYTHON_VERSION
mv "$lib/site-packages/pip" "$OUT/pip/"
rm -rf "${lib:?}/site-packages"/* "$lib/test" "$python"/bin/pip*

find "$lib" "$python/lib/pkgconfig" \( -name '_sysconfigdata_*.py' -o -path '*/config-*/Makefile' -o -name '*.pc' \) -type f \
    -exec sed -i -E "s#(^|['\"[:space:]=LI:])/install(/|['\"[:space:]]|\$)#\1/opt/python\2#g; s#\bclang\+\+#c++#g; s#\bclang\b#cc#g" {} +
