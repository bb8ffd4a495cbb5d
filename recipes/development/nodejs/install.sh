#!/bin/bash
# Downloads Node.js for this machine, and npm, and unpacks them into /usr/local.
set -euo pipefail

case "$(dpkg --print-architecture)" in
    amd64) system=x64 openssl=linux-x86_64 digest=$SHA256_X64 ;;
    arm64) system=arm64 openssl=linux-aarch64 digest=$SHA256_ARM64 ;;
    *)
        echo "there is no package for $(dpkg --print-architecture)" >&2
        exit 1
        ;;
esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Arguments: the package's name, its version and its SHA-256.
fetch() {
    local file=$folder/$1.tgz
    /usr/lib/apt/apt-helper download-file "https://registry.npmjs.org/$1/-/$1-$2.tgz" "$file" "SHA256:$3"
    sha256sum --check --strict --quiet <<<"$3  $file"
}

fetch "node-linux-$system" "$VERSION" "$digest"
tar --no-same-owner -xzf "$folder/node-linux-$system.tgz" -C "$folder"
# OpenSSL's headers for all other systems are 60 MB.
archs=$folder/package/include/node/openssl/archs
find "$archs" -mindepth 1 -maxdepth 1 ! -name "$openssl" -exec rm -rf {} +
test -d "$archs/$openssl"
chmod 755 "$folder/package/bin/node"
cp -r "$folder/package/bin" "$folder/package/include" /usr/local/
mkdir -p /usr/local/share/man
cp -r "$folder/package/share/man/." /usr/local/share/man/
install -D -m 0644 -t /usr/local/share/doc/nodejs "$folder/package/LICENSE"

fetch npm "$NPM" "$SHA256_NPM"
modules=/usr/local/lib/node_modules
mkdir -p "$modules/npm"
tar --no-same-owner -xzf "$folder/npm.tgz" -C "$modules/npm" --strip-components=1
for program in npm npx; do
    chmod 755 "$modules/npm/bin/$program-cli.js"
    ln -sf "../lib/node_modules/npm/bin/$program-cli.js" "/usr/local/bin/$program"
done
node --version
