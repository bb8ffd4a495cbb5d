#!/bin/bash
# Lets the dynamic linker find the libraries of the distribution $VERSION, so that nobody needs LD_LIBRARY_PATH.
set -euo pipefail

for folder in /opt/ros/"$VERSION"/lib /opt/ros/"$VERSION"/lib/*-linux-gnu /opt/ros/"$VERSION"/opt/*/lib; do
    if [[ -d $folder ]]; then
        echo "$folder"
    fi
done >/etc/ld.so.conf.d/ros.conf
ldconfig
