#!/bin/bash
# Compiles the exporter for $TARGETARCH.
set -euo pipefail

apt-get update
apt-get install -y --no-install-recommends unzip
unzip -q "v$VERSION.zip"
cd "github.com/prometheus/node_exporter@v$VERSION"

# Go's own names of the architectures are those of OCI. go.sum has all digests, so no other server is asked for them.
export CGO_ENABLED=0 GOOS=linux GOARCH=$TARGETARCH GOTOOLCHAIN=local GOFLAGS=-mod=readonly GOSUMDB=off
export GOMODCACHE=/root/.cache/go-build/modules
about=github.com/prometheus/common/version
go build -trimpath -tags netgo -ldflags "-s -w -X $about.Version=$VERSION" -o "$OUT/bin/node_exporter" .
install -D -m 0644 -t "$OUT/share/doc/node_exporter" LICENSE NOTICE
