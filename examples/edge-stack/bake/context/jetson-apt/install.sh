#!/bin/bash
# Adds NVIDIA's archive of the L4T line $VERSION, with its key.
set -euo pipefail

key=/usr/share/keyrings/nvidia-jetson.asc
archive=https://repo.download.nvidia.com/jetson
options=()
if [[ -n ${SSL_CERT_FILE:-} ]]; then
    options=(-o "Acquire::https::CAInfo=$SSL_CERT_FILE")
fi
# apt's own downloader, which checks the digest: curl and gnupg are not needed for this, so there is nothing to remove.
/usr/lib/apt/apt-helper "${options[@]}" download-file "$archive/jetson-ota-public.asc" "$key" "SHA256:$SHA256"
chmod 0644 "$key"
echo "deb [signed-by=$key] $archive/common r$VERSION main" >/etc/apt/sources.list.d/nvidia-jetson.list
