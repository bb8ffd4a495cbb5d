#!/bin/bash
# Installs the wheels of /run/eb/requirements.txt for $TARGETARCH into /out, on whatever machine builds.
# Needs: BUILDARCH, TARGETARCH, PYTHON_VERSION (major.minor) and GLIBC of the target.
set -euo pipefail

machine_of() {
    case "$1" in
        amd64) echo x86_64 ;;
        arm64) echo aarch64 ;;
        *) echo "unknown architecture $1" >&2; return 1 ;;
    esac
}

machine=$(machine_of "$TARGETARCH")
if [[ $(uname -m) != "$(machine_of "$BUILDARCH")" ]]; then
    echo "this stage must run on the build platform ($BUILDARCH), and runs on $(uname -m)" >&2
    exit 1
fi

# pip does not derive the older tags that a platform also takes (PEP 600).
platforms=()
for ((minor = ${GLIBC#2.}; minor >= 5; minor--)); do
    platforms+=(--platform "manylinux_2_${minor}_$machine")
done
platforms+=(--platform "manylinux2014_$machine" --platform "manylinux2010_$machine"
    --platform "manylinux1_$machine" --platform "linux_$machine")

venv=/out/opt/venv
site=$venv/lib/python$PYTHON_VERSION/site-packages
# The project's own wheels come first, if the lock has them.
requirements=/run/eb/requirements.txt
wheels=$(mktemp -d)
for file in /run/eb/wheelhouse/*.whl; do
    if [[ -e $file ]] && grep -q -- "--hash=sha256:$(sha256sum "$file" | cut -d ' ' -f 1)" "$requirements"; then
        ln -s "$file" "$wheels/"
    fi
done

# All others come from their locked addresses, which comments name; no index is asked.
sed -n 's|&|\&amp;|g; s|^# \(https\{0,1\}://.*\)|\1|p' "$requirements" | while IFS= read -r address; do
    name=${address##*/}
    if [[ ! -e $wheels/${name//%2[Bb]/+} ]]; then
        echo "<a href=\"$address\">$name</a>"
    fi
done >"$wheels/locked.html"
if [[ -s /run/secrets/netrc ]]; then  # for indexes that want a password
    export NETRC=/run/secrets/netrc
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
python3 -m pip install --no-deps --require-hashes --only-binary=:all: --no-compile \
    "${platforms[@]}" --no-index --find-links "$wheels" \
    --target "$site" --requirement "$requirements"

# With --target, pip puts programs and data files beside the packages; in the environment they have their own place.
for folder in bin share etc include; do
    if [[ -d $site/$folder && ! -e $site/$folder/__init__.py ]]; then
        mkdir -p "$venv/$folder"
        cp -a "$site/$folder/." "$venv/$folder/"
        rm -rf "${site:?}/$folder"
    fi
done

# Bytecode that no clock invalidates, which Python has from 3.7 on: the image's user cannot write it later.
if python3 -c 'import sys; sys.exit(sys.version_info < (3, 7))'; then
    python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash -d "${site#/out}" "$site" || true
fi

find "$site" -name '*.so*' -type f -print0 | while IFS= read -r -d '' file; do
    case "$(od -An -tx1 -j18 -N2 "$file" | tr -d ' \n')" in
        3e00) found=x86_64 ;;
        b700) found=aarch64 ;;
        *) continue ;;
    esac
    if [[ $found != "$machine" ]]; then
        echo "${file#/out} is for $found, and the target is $machine" >&2
        exit 1
    fi
done
