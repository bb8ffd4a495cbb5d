#!/bin/bash
# Unpacks packages for $TARGETARCH, with all that they depend on, below /sysroot; runs nothing of theirs.
# Needs: BUILDARCH, TARGETARCH. Arguments: packages.
set -euo pipefail

state=$(mktemp -d)
mkdir -p "$state/lists/partial" /var/cache/eb-sysroot/archives/partial /sysroot
: >"$state/status"
options=(
    -o "APT::Architecture=$TARGETARCH" -o "APT::Architectures::=$TARGETARCH"
    -o "Dir::State=$state" -o "Dir::State::lists=$state/lists" -o "Dir::State::status=$state/status"
    -o "Dir::Cache=/var/cache/eb-sysroot" -o "Dir::Cache::archives=/var/cache/eb-sysroot/archives"
    -o "APT::Install-Recommends=false" -o "Debug::NoLocking=true" -o "APT::Sandbox::User=root"
)

# Ubuntu keeps arm64 (and amd64, seen from an arm64 machine) in another archive.
. /etc/os-release
if [[ ${ID:-} == ubuntu && $TARGETARCH != "$BUILDARCH" ]]; then
    case "$TARGETARCH" in
        arm64) archive=http://ports.ubuntu.com/ubuntu-ports ;;
        *) archive=http://archive.ubuntu.com/ubuntu ;;
    esac
    for suite in "$VERSION_CODENAME" "$VERSION_CODENAME-updates" "$VERSION_CODENAME-security"; do
        echo "deb [arch=$TARGETARCH signed-by=/usr/share/keyrings/ubuntu-archive-keyring.gpg] $archive $suite main universe"
    done >"$state/sources.list"
    options+=(-o "Dir::Etc::sourcelist=$state/sources.list" -o "Dir::Etc::sourceparts=-")
fi

apt-get "${options[@]}" update
# Named with an empty cache in sight, as apt leaves out what it has downloaded before.
mkdir -p "$state/none/partial"
uris=$(apt-get "${options[@]}" -o "Dir::Cache::archives=$state/none" install -y --download-only --print-uris "$@")
mapfile -t files < <(sed -n "s/^'[^']*' \([^ ]*\.deb\) .*/\1/p" <<<"$uris")
apt-get "${options[@]}" install -y --download-only "$@"
for deb in "${files[@]}"; do
    dpkg-deb --extract "/var/cache/eb-sysroot/archives/$deb" /sysroot
done
rm -rf "$state"

# Absolute links would lead out of the sysroot, to the build platform's own files.
find /sysroot -type l -lname '/*' | while read -r link; do
    ln -sfnr "/sysroot$(readlink "$link")" "$link"
done
