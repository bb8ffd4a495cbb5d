#!/bin/bash
# Starts the server with the image's configuration, counts, lets a key expire, and fills it until keys must go.
set -euo pipefail

folder=$(mktemp -d)
socket=$folder/redis.sock
redis-server /usr/local/etc/redis/redis.conf --port 0 --unixsocket "$socket" --maxmemory 3mb >"$folder/log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
ask() { redis-cli -s "$socket" "$@"; }

for _ in {1..100}; do
    if [[ $(ask ping 2>/dev/null) == PONG ]]; then
        break
    fi
    kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.1
done
expect() { # VALUE COMMAND...
    local wanted=$1 got
    shift
    got=$(ask "$@")
    [[ $got == "$wanted" ]] || { echo "$* says '$got', not '$wanted'" >&2; cat "$folder/log" >&2; exit 1; }
}

expect 42 incrby answer 42
expect 43 incr answer
expect OK set brief value px 50
sleep 0.2
expect "" get brief

# 8 MB of values into 3 MB: the oldest are evicted, and writing goes on.
printf -v value '%08192d' 7
for number in {1..1000}; do
    printf 'SET key%d %s\r\n' "$number" "$value"
done | ask >"$folder/answers"
[[ $(grep -cx OK "$folder/answers") == 1000 ]] || { sort "$folder/answers" | uniq -c >&2; exit 1; }
expect "$value" get key1000
evicted=$(ask info stats | tr -d '\r' | sed -n 's/^evicted_keys://p')
((evicted > 500)) || { echo "it evicted $evicted keys" >&2; exit 1; }
[[ $(ask config get save | tail -n 1) == "" ]] || { echo "it would write to a disk" >&2; exit 1; }
echo "redis: $(redis-server --version), $evicted keys evicted"
