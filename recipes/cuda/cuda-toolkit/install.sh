#!/bin/bash
# On a machine that builds: installs the compiler, and CUDA's libraries for $TARGETARCH. In an image all is there.
set -euo pipefail

release=${CUDA_VERSION%%.*}-$(cut -d. -f2 <<<"$CUDA_VERSION")
if [[ $PLACE == tool ]]; then
    case "$(dpkg --print-architecture)/$TARGETARCH/$CUDA_FLAVOUR" in
        amd64/amd64/* | arm64/arm64/*) libraries=("cuda-cudart-dev-$release" "cuda-libraries-dev-$release") ;;
        amd64/arm64/tegra) libraries=("cuda-cross-aarch64-$release") ;;
        amd64/arm64/*) libraries=("cuda-cross-sbsa-$release") ;;
        *)
            echo "CUDA for $TARGETARCH cannot be compiled on $(dpkg --print-architecture)" >&2
            exit 1
            ;;
    esac
    apt-get update
    apt-get install -y --no-install-recommends "cuda-nvcc-$release" "${libraries[@]}"
    apt-get clean
    rm -rf /var/lib/apt/lists/*
fi
"/usr/local/cuda-${release/-/.}/bin/nvcc" --version
