#!/bin/bash
# Runs a CMake script with a known result.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/answer.cmake" <<'CMAKE'
math(EXPR answer "6 * 7")
string(SHA256 digest "${answer}")
file(WRITE "${CMAKE_CURRENT_LIST_DIR}/answer" "${answer} ${digest}")
CMAKE
cmake -P "$folder/answer.cmake"
result=$(cat "$folder/answer")
[[ $result == "42 73475cb40a568e8da8a045ced110137e159f890ac4da883b6b17dc651b3a8049" ]] || {
    echo "the script says: $result" >&2
    exit 1
}
echo "cmake: $(cmake --version | sed -n 's/^cmake version //p')"
