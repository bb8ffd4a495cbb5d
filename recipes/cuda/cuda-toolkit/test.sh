#!/bin/bash
# Compiles a function for the GPU and for the CPU, and compares what it computes on both, or on the CPU where no GPU is.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/sum.cu" <<'CUDA'
#include <cstdio>

__host__ __device__ int sum_of_squares(int count) {
    int sum = 0;
    for (int i = 1; i <= count; i++) sum += i * i;
    return sum;
}

__global__ void compute(int *results) { results[threadIdx.x] = sum_of_squares(threadIdx.x); }

int main() {
    const int count = 32;
    int *memory, results[count];
    if (cudaMalloc(&memory, sizeof results) != cudaSuccess) {
        std::printf("%d cpu\n", sum_of_squares(20));
        return 0;
    }
    compute<<<1, count>>>(memory);
    if (cudaMemcpy(results, memory, sizeof results, cudaMemcpyDeviceToHost) != cudaSuccess) return 1;
    for (int i = 0; i < count; i++)
        if (results[i] != sum_of_squares(i)) return 2;
    std::printf("%d gpu\n", results[20]);
}
CUDA
codes=()
IFS=';' read -r -a architectures <<<"$CUDAARCHS"
for architecture in "${architectures[@]}"; do
    codes+=("-gencode=arch=compute_$architecture,code=sm_$architecture")
done
nvcc "${codes[@]}" -o "$folder/sum" "$folder/sum.cu"
read -r result place <<<"$("$folder/sum")"
[[ $result == 2870 ]] || { echo "the program says $result, not 2870" >&2; exit 1; }
if compgen -G '/dev/nvidia[0-9]' >/dev/null || [[ -e /dev/nvhost-gpu || -e /dev/nvgpu ]]; then
    [[ $place == gpu ]] || { echo "the GPU was not used" >&2; exit 1; }
fi
echo "cuda-toolkit: $(nvcc --version | sed -n 's/.*release //p') on the $place"
