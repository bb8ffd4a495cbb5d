#!/bin/bash
# Runs a command that uses the network, with the certificates of the ca-bundle secret if the build is given one.
set -euo pipefail
bundle=/run/secrets/ca-bundle
if [[ -s $bundle ]]; then
    export SSL_CERT_FILE=$bundle CURL_CA_BUNDLE=$bundle REQUESTS_CA_BUNDLE=$bundle PIP_CERT=$bundle \
        GIT_SSL_CAINFO=$bundle CARGO_HTTP_CAINFO=$bundle NODE_EXTRA_CA_CERTS=$bundle
    export APT_CONFIG=/run/eb-apt.conf
    echo "Acquire::https::CAInfo \"$bundle\";" >"$APT_CONFIG"
    trap 'rm -f "$APT_CONFIG"' EXIT
fi
"$@"
