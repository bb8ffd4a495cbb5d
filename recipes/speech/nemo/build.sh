#!/bin/bash
# Unpacks NeMo, and what it needs that has no wheel or needs what has none: all is Python only.
set -euo pipefail

site=$OUT/lib/python$PYTHON_VERSION/site-packages
mkdir -p "$site"
for wheel in *.whl; do
    python3 -m zipfile -e "$wheel" "$site"
done
for archive in *.tar.gz; do
    tar -xzf "$archive"
    folder=${archive%.tar.gz}
    name=${folder%-*} version=${folder##*-}
    info=$site/${name//-/_}-$version.dist-info         # lets pip and importlib see it
    mkdir "$info"
    cp "$folder/PKG-INFO" "$info/METADATA"
done
cp -r antlr4-python3-runtime-*/src/antlr4 "$site/"
cp -r jieba-*/jieba "$site/"
