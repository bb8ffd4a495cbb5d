#!/bin/bash
# Adds NVIDIA's CUDA archive for this machine, and the one to compile against for $TARGETARCH, with their key.
set -euo pipefail

key=/usr/share/keyrings/nvidia-cuda.asc
site=https://developer.download.nvidia.com/compute/cuda/repos/ubuntu${VERSION//./}
case "$(dpkg --print-architecture)/$CUDA_FLAVOUR" in
    amd64/*) here=x86_64 ;;
    arm64/tegra) here=arm64 ;;
    arm64/*) here=sbsa ;;
    *)
        echo "there is no archive for $(dpkg --print-architecture)" >&2
        exit 1
        ;;
esac
archives=("$here")
# NVIDIA's own images know the archive; a second entry for it with another file for the key would be an error.
if grep -rqsF "$site/$here" /etc/apt/sources.list /etc/apt/sources.list.d; then
    archives=()
fi
if [[ $(dpkg --print-architecture) != "$TARGETARCH" ]]; then
    case "$TARGETARCH/$CUDA_FLAVOUR" in
        arm64/tegra) archives+=(cross-linux-aarch64) ;;
        arm64/*) archives+=(cross-linux-sbsa) ;;
        *)
            echo "CUDA for $TARGETARCH cannot be compiled on $(dpkg --print-architecture)" >&2
            exit 1
            ;;
    esac
fi
if ((${#archives[@]})); then
    /usr/lib/apt/apt-helper download-file "$site/x86_64/3bf863cc.pub" "$key"
    chmod 0644 "$key"
    grep -q 'BEGIN PGP PUBLIC KEY BLOCK' "$key"
    for archive in "${archives[@]}"; do
        # apt takes no other key from the file.
        echo "deb [signed-by=$key,$FINGERPRINT] $site/$archive /"
    done >/etc/apt/sources.list.d/nvidia-cuda.list
fi
# NVIDIA's own images hold cuBLAS at their version, and its headers may be for a later one of the same CUDA.
mapfile -t held < <(apt-mark showhold | grep '^libcublas')
if ((${#held[@]})); then
    apt-mark unhold "${held[@]}"
fi
