#!/bin/bash
# Runs a recipe's build script with what a compiler needs to know, and looks at what it leaves in $OUT.
# Needs: BUILDARCH, TARGETARCH, RUNS_ON (build-platform or target-platform), SYSROOT. Argument: the script.
set -euo pipefail

machine_of() {
    case "$1" in
        amd64) echo x86_64 ;;
        arm64) echo aarch64 ;;
        *) echo "unknown architecture $1" >&2; return 1 ;;
    esac
}

machine=$(machine_of "$TARGETARCH")
here=$machine
if [[ $RUNS_ON == build-platform ]]; then
    here=$(machine_of "$BUILDARCH")
fi
if [[ $(uname -m) != "$here" ]]; then
    echo "this stage must run on $here ($RUNS_ON), and runs on $(uname -m)" >&2
    exit 1
fi

export SRC=/src OUT=/out CROSS_TRIPLE=$machine-linux-gnu SYSROOT
JOBS=$(nproc)
export JOBS
if command -v "$CROSS_TRIPLE-gcc" >/dev/null; then
    export CC=$CROSS_TRIPLE-gcc CXX=$CROSS_TRIPLE-g++ AR=$CROSS_TRIPLE-ar STRIP=$CROSS_TRIPLE-strip
fi
if [[ -d $SYSROOT && $SYSROOT != / ]]; then
    libraries=$SYSROOT/usr/lib/$CROSS_TRIPLE
    # -idirafter: the compiler's own C++ headers must come before the C library's.
    export CPPFLAGS="-idirafter $SYSROOT/usr/include/$CROSS_TRIPLE -idirafter $SYSROOT/usr/include"
    # The linker's sysroot is what absolute paths in linker scripts (libc.so) are relative to.
    export LDFLAGS="-L$libraries -L$SYSROOT/lib/$CROSS_TRIPLE -Wl,--sysroot=$SYSROOT -Wl,-rpath-link,$libraries"
    export PKG_CONFIG_SYSROOT_DIR=$SYSROOT PKG_CONFIG_LIBDIR=$libraries/pkgconfig:$SYSROOT/usr/share/pkgconfig
fi
if [[ $RUNS_ON == build-platform && $BUILDARCH != "$TARGETARCH" ]]; then
    export CMAKE_TOOLCHAIN_FILE=/tmp/eb-toolchain.cmake
    cat >"$CMAKE_TOOLCHAIN_FILE" <<CMAKE
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR $machine)
set(CMAKE_C_COMPILER ${CC:-$CROSS_TRIPLE-gcc})
set(CMAKE_CXX_COMPILER ${CXX:-$CROSS_TRIPLE-g++})
set(CMAKE_LIBRARY_ARCHITECTURE $CROSS_TRIPLE)
set(CMAKE_FIND_ROOT_PATH $SYSROOT)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
CMAKE
fi
mkdir -p "$SRC" "$OUT"
cd "$SRC"
bash -euo pipefail "$1"

if [[ -z $(ls -A "$OUT") ]]; then
    echo "the build script left nothing in \$OUT ($OUT)" >&2
    exit 1
fi
# A compiler for the wrong machine is silent; its files are not.
find "$OUT" -type f -print0 | while IFS= read -r -d '' file; do
    [[ $(od -An -tx1 -N4 "$file" | tr -d ' \n') == 7f454c46 ]] || continue
    case "$(od -An -tx1 -j18 -N2 "$file" | tr -d ' \n')" in
        3e00) found=x86_64 ;;
        b700) found=aarch64 ;;
        *) found="another machine" ;;
    esac
    if [[ $found != "$machine" ]]; then
        echo "${file#"$OUT"} is for $found, and the target is $machine" >&2
        exit 1
    fi
done
