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
if [[ $SYSROOT != / ]]; then
    export PKG_CONFIG_SYSROOT_DIR=$SYSROOT
    export PKG_CONFIG_LIBDIR=$SYSROOT/usr/lib/$CROSS_TRIPLE/pkgconfig:$SYSROOT/usr/share/pkgconfig
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
