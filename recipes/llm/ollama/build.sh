#!/bin/bash
# Downloads upstream's release for $TARGETARCH, and what it adds for JetPack, and unpacks it.
set -euo pipefail

site=https://github.com/ollama/ollama/releases/download/v$VERSION
options=()
if [[ -n ${SSL_CERT_FILE:-} ]]; then
    options=(-o "Acquire::https::CAInfo=$SSL_CERT_FILE")
fi
packages=(ca-certificates)
if [[ $FORMAT == tar.zst ]]; then
    packages+=(zstd)
fi
apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"

# Arguments: the file's name without its ending, and the SHA-256, if it is known.
fetch() {
    local file=$1.$FORMAT
    /usr/lib/apt/apt-helper "${options[@]}" download-file "$site/$file" "$PWD/$file" ${2:+"SHA256:$2"}
    if [[ -n ${2:-} ]]; then
        sha256sum --check --strict <<<"$2  $file"
    fi
    tar --no-same-owner -xf "$file" -C "$OUT"
}

case "$TARGETARCH" in
    amd64) fetch ollama-linux-amd64 "$SHA256_AMD64" ;;
    arm64) fetch ollama-linux-arm64 "$SHA256_ARM64" ;;
    *)
        echo "upstream has no release for $TARGETARCH" >&2
        exit 1
        ;;
esac
if [[ $ADDITION != none ]]; then
    fetch "ollama-linux-arm64-$ADDITION"
fi
test -x "$OUT/bin/ollama"
