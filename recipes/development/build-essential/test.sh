#!/bin/bash
# Compiles and runs a C++ program with a known result, through make.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/sum.cpp" <<'CPP'
#include <cstdio>
#include <numeric>
#include <vector>
int main() {
    std::vector<int> numbers(100);
    std::iota(numbers.begin(), numbers.end(), 1);
    std::printf("%d\n", std::accumulate(numbers.begin(), numbers.end(), 0));
}
CPP
make --silent --directory "$folder" sum
result=$("$folder/sum")
[[ $result == 5050 ]] || { echo "the program says $result, not 5050" >&2; exit 1; }
echo "build-essential: $(g++ -dumpfullversion) for $(g++ -dumpmachine)"
