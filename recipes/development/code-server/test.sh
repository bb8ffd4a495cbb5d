#!/bin/bash
# Loads the compiled add-ons, refuses to start without a password, and logs in with the right one alone.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
HOME=$folder node "$(dirname "${BASH_SOURCE[0]}")/test.js" "$folder"
