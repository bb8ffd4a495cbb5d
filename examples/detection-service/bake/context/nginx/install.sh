#!/bin/bash
# nginx opens the log that it was compiled with before it reads its configuration.
set -euo pipefail

ln -sf /dev/stderr /var/log/nginx/error.log
chmod 755 /var/log/nginx
mkdir -p /srv/www
