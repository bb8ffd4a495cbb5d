#!/bin/bash
# A proxy before two servers of which one fails: every request is answered by the other, and too many are refused.
set -euo pipefail

folder=$(mktemp -d)
cat >"$folder/nginx.conf" <<CONF
daemon off;
pid $folder/pid;
error_log $folder/log warn;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    limit_req_zone \$binary_remote_addr zone=few:64k rate=1r/m;
    upstream both { server 127.0.0.1:21801 max_fails=0; server 127.0.0.1:21802 max_fails=0; }
    server { listen 127.0.0.1:21801; return 503; }
    server { listen 127.0.0.1:21802; return 200 "well"; }
    server {
        listen 127.0.0.1:21800;
        location / { proxy_pass http://both; proxy_next_upstream error http_503; }
        location /few { limit_req zone=few burst=2 nodelay; limit_req_status 429; proxy_pass http://both; proxy_next_upstream error http_503; }
    }
}
CONF
nginx -t -q -c /usr/local/etc/nginx/nginx.conf
nginx -c "$folder/nginx.conf" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

# Prints the status of an answer, and fails where there is no server yet.
ask() {
    local line
    exec 3<>/dev/tcp/127.0.0.1/21800 || return 1
    printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&3
    read -r _ line _ <&3
    exec 3>&-
    echo "$line"
}

for _ in {1..100}; do
    if ask / >/dev/null 2>&1; then
        break
    fi
    kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.1
done
said=$(for _ in {1..20}; do ask /; done | sort | uniq -c | tr -s ' ')
[[ $said == " 20 200" ]] || { echo "one server fails, and the proxy says:$said" >&2; exit 1; }
said=$(for _ in {1..5}; do ask /few; done | tr '\n' ' ')
[[ $said == "200 200 200 429 429 " ]] || { echo "of five requests where three may come, it says: $said" >&2; exit 1; }

# It ends by itself, and well, when it is asked to.
kill -QUIT "$server"
wait "$server" || { echo "it ends with $?" >&2; exit 1; }
nginx -v 2>&1
