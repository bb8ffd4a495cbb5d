#!/bin/bash
set -euo pipefail
/usr/bin/python3 -m venv --system-site-packages --without-pip /opt/venv
