#!/bin/bash
# Checks that the environment's pip runs, and reads what is installed.
set -euo pipefail

version=$(python3 -m pip --disable-pip-version-check --version)
[[ $version == *" from /opt/venv/"* ]] || { echo "pip is not the environment's: $version" >&2; exit 1; }
listed=$(python3 -m pip --disable-pip-version-check list --format=freeze)
[[ $'\n'$listed == *$'\npip=='* ]] || { echo "pip does not list itself" >&2; exit 1; }
echo "pip: $version"
