#!/bin/bash
# Downloads the compiler for this machine, and the standard library for it and for $TARGETARCH, into /usr/local.
set -euo pipefail

triple_of() {
    case "$1" in
        amd64) echo x86_64-unknown-linux-gnu ;;
        arm64) echo aarch64-unknown-linux-gnu ;;
        *)
            echo "upstream has no release for $1" >&2
            return 1
            ;;
    esac
}

here=$(triple_of "$(dpkg --print-architecture)")
target=$(triple_of "$TARGETARCH")
declare -A digests=(
    [rustc-x86_64]=$RUSTC_X86_64 [rustc-aarch64]=$RUSTC_AARCH64
    [rust-std-x86_64]=$RUST_STD_X86_64 [rust-std-aarch64]=$RUST_STD_AARCH64
    [cargo-x86_64]=$CARGO_X86_64 [cargo-aarch64]=$CARGO_AARCH64
    [rustfmt-x86_64]=$RUSTFMT_X86_64 [rustfmt-aarch64]=$RUSTFMT_AARCH64
    [clippy-x86_64]=$CLIPPY_X86_64 [clippy-aarch64]=$CLIPPY_AARCH64
)

apt-get update
apt-get install -y --no-install-recommends xz-utils
apt-get clean
rm -rf /var/lib/apt/lists/*

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Arguments: the component, and the system that it is for.
add() {
    local file=$1-$VERSION-$2.tar.xz digest=${digests[$1-${2%%-*}]}
    /usr/lib/apt/apt-helper download-file "https://static.rust-lang.org/dist/$DATE/$file" "$folder/$file" "SHA256:$digest"
    sha256sum --check --strict --quiet <<<"$digest  $folder/$file"
    # The archive's first folder is the release, the second one the component; beside it are an installer and licences.
    tar --no-same-owner -xJf "$folder/$file" -C /usr/local --strip-components=2 --exclude='*/manifest.in'
    rm "$folder/$file"
}

for component in rustc cargo rustfmt clippy; do
    add "$component" "$here"
done
add rust-std "$here"
if [[ $target != "$here" ]]; then
    add rust-std "$target"
fi
rustc --version
