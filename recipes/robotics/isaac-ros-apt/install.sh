#!/bin/bash
# Adds NVIDIA's archive of Isaac ROS $VERSION, with its keys.
set -euo pipefail

key=/usr/share/keyrings/nvidia-isaac-ros.asc
archive=https://isaac.download.nvidia.com/isaac-ros
/usr/lib/apt/apt-helper download-file "$archive/repos.key" "$key"
chmod 0644 "$key"
grep -q 'BEGIN PGP PUBLIC KEY BLOCK' "$key"
# apt takes no other keys from the file.
echo "deb [signed-by=$key,$FINGERPRINTS] $archive/$SUITE" >/etc/apt/sources.list.d/nvidia-isaac-ros.list
if [[ $VERSION == 4.* ]]; then
    # JetPack's own archive has another OpenCV than the one that ROS and Isaac ROS are built with.
    printf '%s\n' 'Package: libopencv*' 'Pin: version 4.6.0*' 'Pin-Priority: 1001' >/etc/apt/preferences.d/nvidia-isaac-ros
fi
if [[ -n $JETSON ]]; then
    key=/usr/share/keyrings/nvidia-jetson.asc archive=https://repo.download.nvidia.com/jetson
    /usr/lib/apt/apt-helper download-file "$archive/jetson-ota-public.asc" "$key" "SHA256:$JETSON_SHA256"
    chmod 0644 "$key"
    echo "deb [signed-by=$key] $archive/$JETSON" >/etc/apt/sources.list.d/nvidia-jetson.list
    # NVIDIA's CUDA archive for PCs also has later ones than Isaac ROS is built with.
    printf '%s\n' 'Package: cuda-*-13-[1-9]* libnv*-13-[1-9]*' 'Pin: version *' 'Pin-Priority: -1' \
        >/etc/apt/preferences.d/nvidia-isaac-ros-cuda
fi
