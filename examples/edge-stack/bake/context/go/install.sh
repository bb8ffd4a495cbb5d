#!/bin/bash
# Downloads the toolchain for this machine, and unpacks it into /usr/local/go.
set -euo pipefail

case "$(dpkg --print-architecture)" in
    amd64) digest=$SHA256_AMD64 ;;
    arm64) digest=$SHA256_ARM64 ;;
    *)
        echo "there is no toolchain for $(dpkg --print-architecture)" >&2
        exit 1
        ;;
esac
name=v0.0.1-go$VERSION.linux-$(dpkg --print-architecture)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

apt-get update
apt-get install -y --no-install-recommends unzip
/usr/lib/apt/apt-helper download-file "https://proxy.golang.org/golang.org/toolchain/@v/$name.zip" \
    "$folder/toolchain.zip" "SHA256:$digest"
sha256sum --check --strict --quiet <<<"$digest  $folder/toolchain.zip"
unzip -q "$folder/toolchain.zip" -d "$folder"
apt-get clean
rm -rf /var/lib/apt/lists/*

rm -rf /usr/local/go
mv "$folder/golang.org/toolchain@$name" /usr/local/go
# A module's archive has no file modes.
chmod 755 /usr/local/go/bin/* /usr/local/go/pkg/tool/*/*
/usr/local/go/bin/go version
