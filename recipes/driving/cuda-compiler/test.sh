#!/bin/bash
# Compiles a program with a kernel for the oldest and the newest GPU, and runs the part of it that needs none.
set -euo pipefail
cd "$(mktemp -d)"
cat >sum.cu <<'CUDA'
#include <cstdio>
#include <thrust/host_vector.h>
#include <thrust/reduce.h>
#include <cublas_v2.h>
__host__ __device__ int square(int x) { return x * x; }
__global__ void fill(int* out) { out[threadIdx.x] = square(threadIdx.x); }
int main() {
    thrust::host_vector<int> squares;
    for (int x = 1; x <= 10; ++x) squares.push_back(square(x));
    std::printf("%d\n", thrust::reduce(squares.begin(), squares.end()));
}
CUDA
nvcc -gencode arch=compute_60,code=sm_60 -gencode arch=compute_86,code=sm_86 sum.cu -o sum
[[ $(./sum) == 385 ]]
echo "cuda-compiler: $(nvcc --version | tail -n 1)"
