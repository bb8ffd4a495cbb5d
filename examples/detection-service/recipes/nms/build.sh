#!/bin/sh
# Compiles libedgenms.so for the target with the (cross) compiler in $CXX, and leaves it in $OUT/lib.
set -eu

mkdir -p "$OUT/lib"
library=$OUT/lib/libedgenms.so

# -ffp-contract=off      arm64 would fuse multiply and add, and decide differently from amd64 at the threshold
# -static-lib*, exclude  the image needs no libstdc++, and two copies of one never meet in a process
# -ffile-prefix-map      no path of the building machine in the result: same sources, same bytes
# -s                     stripped by the linker, which knows the target; the builder's own strip may not
# shellcheck disable=SC2086  # CXX may carry arguments
${CXX:-${CROSS_TRIPLE:+$CROSS_TRIPLE-}g++} \
    -std=c++17 -O2 -Wall -Wextra -ffp-contract=off \
    -fPIC -fvisibility=hidden -fvisibility-inlines-hidden -ffunction-sections -fdata-sections \
    "-ffile-prefix-map=$SRC=." \
    -shared -static-libstdc++ -static-libgcc \
    -Wl,-soname,libedgenms.so -Wl,--exclude-libs,ALL -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,-z,noexecstack \
    -Wl,--no-undefined -Wl,--build-id=sha1 -s \
    -o "$library" "$SRC/nms.cpp"
chmod 0644 "$library"

# readelf reads every architecture's files, so this holds when cross-compiling too.
needed=$(readelf -d "$library")
case $needed in
*libstdc++* | *libgcc*)
    echo "build.sh: libedgenms.so must not need libstdc++ or libgcc at run time" >&2
    exit 1
    ;;
esac
