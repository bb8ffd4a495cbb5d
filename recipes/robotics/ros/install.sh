#!/bin/bash
# Lets the shell and the dynamic linker find the programs and libraries of the distribution $VERSION, so that nobody
# needs its setup.bash or LD_LIBRARY_PATH.
set -euo pipefail

ln -s "$VERSION" /opt/ros/current
for folder in /opt/ros/"$VERSION"/lib /opt/ros/"$VERSION"/lib/*-linux-gnu /opt/ros/"$VERSION"/opt/*/lib; do
    if [[ -d $folder ]]; then
        echo "$folder"
    fi
done >/etc/ld.so.conf.d/ros.conf
ldconfig
