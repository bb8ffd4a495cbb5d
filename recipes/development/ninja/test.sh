#!/bin/bash
# Builds two files, of which one needs the other, and looks at the result.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/build.ninja" <<'NINJA'
rule double
  command = echo $$(( 2 * $$(cat $in) )) > $out
build second: double first
build first: double start
NINJA
echo 5 >"$folder/start"
ninja -C "$folder" >/dev/null
result=$(cat "$folder/second")
[[ $result == 20 ]] || { echo "the result is $result, not 20" >&2; exit 1; }
echo "ninja: $(ninja --version)"
