#!/bin/bash
# Compiles the router for the target.
set -euo pipefail

case "$TARGETARCH" in
    amd64) triple=x86_64-unknown-linux-gnu ;;
    arm64) triple=aarch64-unknown-linux-gnu ;;
    *)
        echo "no Rust target is known for $TARGETARCH" >&2
        exit 1
        ;;
esac

tar -xzf "zenohd-$VERSION.crate"
cd "zenohd-$VERSION"
export CARGO_PROFILE_RELEASE_STRIP=symbols CARGO_TERM_COLOR=never
export HOST_CC=gcc                     # build scripts run here; CC is for the target
cargo build --locked --release --target "$triple"
install -D "target/$triple/release/zenohd" "$OUT/bin/zenohd"
