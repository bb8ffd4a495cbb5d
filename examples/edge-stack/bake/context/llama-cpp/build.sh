#!/bin/bash
# Compiles llama.cpp's libraries, server and tools for the target, and puts the Python binding beside them.
set -euo pipefail

# Installs CUDA's compiler, and its libraries for the target, from NVIDIA's archive for the machine that builds.
install_cuda() {
    local release=${CUDA_VERSION//./-} os=${BASE_OS//[:.]/} folder
    local key=/usr/share/keyrings/nvidia-cuda.asc site=https://developer.download.nvidia.com/compute/cuda/repos
    local fingerprint=EB693B3035CD5710E231E123A4B469963BF863CC
    local archives packages options=()
    case "$BUILDARCH/$TARGETARCH" in
        amd64/amd64)
            archives=(x86_64)
            packages=("cuda-nvcc-$release" "cuda-cudart-dev-$release" "libcublas-dev-$release")
            ;;
        amd64/arm64)
            archives=(x86_64 "cross-linux-$CUDA_TARGET")
            packages=("cuda-nvcc-$release" "cuda-cross-$CUDA_TARGET-$release")
            ;;
        arm64/arm64)
            archives=("${CUDA_TARGET/aarch64/arm64}")
            packages=("cuda-nvcc-$release" "cuda-cudart-dev-$release" "libcublas-dev-$release")
            ;;
        *)
            echo "CUDA for $TARGETARCH cannot be compiled on $BUILDARCH" >&2
            return 1
            ;;
    esac
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates
    # NVIDIA's own images know their archive; a second entry for it with another key file would be an error.
    if grep -rqs developer.download.nvidia.com /etc/apt/sources.list /etc/apt/sources.list.d; then
        archives=("${archives[@]:1}")
    fi
    if ((${#archives[@]})); then
        if [[ -n ${SSL_CERT_FILE:-} ]]; then
            options=(-o "Acquire::https::CAInfo=$SSL_CERT_FILE")
        fi
        /usr/lib/apt/apt-helper "${options[@]}" download-file "$site/$os/x86_64/3bf863cc.pub" "$key"
        chmod 0644 "$key"
        for folder in "${archives[@]}"; do
            # apt takes no other key from the file.
            echo "deb [signed-by=$key,$fingerprint] $site/$os/$folder /"
        done >/etc/apt/sources.list.d/nvidia-cuda.list
        apt-get update
    fi
    # NVIDIA's own images hold cuBLAS at their version, and its headers may be for a later one of the same CUDA.
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends --allow-change-held-packages \
        "${packages[@]}"
}

if ! command -v ccache >/dev/null; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ccache
fi

tar -xzf "llama_cpp_python-$VERSION.tar.gz"
cd "llama_cpp_python-$VERSION"

# GGML_NATIVE          the machine that builds says nothing about the one that runs; on amd64 it needs AVX2 and FMA
# LLAMA_OPENSSL        models are mounted, not downloaded by the server
# LLAMA_*_UI           the server's web page would be downloaded while building
options=(
    -DCMAKE_BUILD_TYPE=Release
    -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON "-DCMAKE_INSTALL_RPATH=\$ORIGIN;\$ORIGIN/../lib"
    -DBUILD_SHARED_LIBS=ON -DGGML_NATIVE=OFF -DGGML_CCACHE=OFF
    -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache
    -DLLAMA_ALL_WARNINGS=OFF -DGGML_ALL_WARNINGS=OFF
    -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF
    -DLLAMA_BUILD_TOOLS=ON -DLLAMA_BUILD_SERVER=ON -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF
    -DLLAMA_OPENSSL=OFF
    -DLLAMA_BUILD_NUMBER=0 "-DLLAMA_BUILD_COMMIT=$COMMIT"
)
if [[ $IS_TEGRA == 1 ]]; then
    options+=(-DGGML_CPU_ARM_ARCH=armv8.2-a+dotprod+fp16)      # Orin's Cortex-A78AE; Thor can do that, too
fi
if [[ $BACKEND == cuda ]]; then
    CUDA_TARGET=sbsa                   # as NVIDIA names CUDA for arm64 servers, and for Jetson from CUDA 13 on
    if [[ $CUDA_FLAVOUR == tegra ]]; then
        CUDA_TARGET=aarch64
    fi
    install_cuda
    cuda=/usr/local/cuda-${CUDA_VERSION%%.*}.$(cut -d. -f2 <<<"$CUDA_VERSION")
    # The driver's library is on the machine that runs, so programs are linked without it.
    options+=(-DGGML_CUDA=ON "-DCMAKE_CUDA_ARCHITECTURES=$CUDA_ARCHITECTURES" "-DCMAKE_CUDA_COMPILER=$cuda/bin/nvcc"
        "-DCUDAToolkit_ROOT=$cuda" -DGGML_CUDA_NCCL=OFF "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--allow-shlib-undefined")
    if [[ $BUILDARCH != "$TARGETARCH" ]]; then
        options+=("-DCMAKE_CUDA_HOST_COMPILER=$CXX" "-DCMAKE_FIND_ROOT_PATH=$cuda/targets/$CUDA_TARGET-linux")
    fi
fi

cmake -S vendor/llama.cpp -B build -G Ninja "${options[@]}"
cmake --build build --parallel "$JOBS" --target \
    llama-server llama-cli llama-completion llama-bench llama-quantize llama-gguf-split llama-mtmd-cli

site=$OUT/opt/venv/lib/python$PYTHON_VERSION/site-packages
mkdir -p "$OUT/usr/local/bin" "$OUT/usr/local/lib" "$OUT/usr/local/include" "$site"
for program in server cli completion bench quantize gguf-split mtmd-cli; do
    cp "build/bin/llama-$program" "$OUT/usr/local/bin/"
done
find build/bin -name 'lib*.so*' -exec cp -a {} "$OUT/usr/local/lib/" \;
cp vendor/llama.cpp/include/*.h vendor/llama.cpp/ggml/include/*.h "$OUT/usr/local/include/"
find "$OUT/usr/local/bin" "$OUT/usr/local/lib" -type f -exec "${STRIP:-strip}" --strip-unneeded {} +

# The binding is Python only; its metadata lets pip and importlib see it.
cp -r llama_cpp "$site/"
rm -rf "$site/llama_cpp/lib"
mkdir "$site/llama_cpp_python-$VERSION.dist-info"
cp PKG-INFO "$site/llama_cpp_python-$VERSION.dist-info/METADATA"
