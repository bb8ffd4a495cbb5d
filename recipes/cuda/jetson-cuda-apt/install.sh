#!/bin/bash
# Adds NVIDIA's CUDA archive for Jetson and Ubuntu $VERSION, with its key, behind all other sources.
set -euo pipefail

key=/usr/share/keyrings/nvidia-cuda.asc
archive=https://developer.download.nvidia.com/compute/cuda/repos/ubuntu${VERSION//./}/arm64
options=()
if [[ -n ${SSL_CERT_FILE:-} ]]; then
    options=(-o "Acquire::https::CAInfo=$SSL_CERT_FILE")
fi
/usr/lib/apt/apt-helper "${options[@]}" download-file "$archive/3bf863cc.pub" "$key"
chmod 0644 "$key"
grep -q 'BEGIN PGP PUBLIC KEY BLOCK' "$key"
# apt takes no other key from the file.
echo "deb [signed-by=$key,$FINGERPRINT] $archive /" >/etc/apt/sources.list.d/nvidia-cuda.list
printf '%s\n' 'Package: *' 'Pin: origin developer.download.nvidia.com' 'Pin-Priority: 100' \
    >/etc/apt/preferences.d/nvidia-cuda
