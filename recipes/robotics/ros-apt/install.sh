#!/bin/bash
# Installs the package that names the archive and its key to apt, and that the archive itself keeps up to date.
set -euo pipefail

package=ros2-apt-source_$VERSION.${CODENAME}_all.deb
folder=$(mktemp -d)
options=()
if [[ -n ${SSL_CERT_FILE:-} ]]; then
    options=(-o "Acquire::https::CAInfo=$SSL_CERT_FILE")
fi
# apt's own downloader, which checks the digest.
/usr/lib/apt/apt-helper "${options[@]}" download-file \
    "https://github.com/ros-infrastructure/ros-apt-source/releases/download/$VERSION/$package" \
    "$folder/$package" "SHA256:$SHA256"
dpkg --install "$folder/$package"
rm -rf "$folder"
