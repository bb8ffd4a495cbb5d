#!/bin/bash
# Starts the exporter on a made-up machine's files, and looks at what it makes of them.
set -euo pipefail

folder=$(mktemp -d)
mkdir -p "$folder/proc" "$folder/sys/class/thermal/thermal_zone0"
echo "0.25 0.50 0.75 1/100 4242" >"$folder/proc/loadavg"
printf '%-16s%8d kB\n' MemTotal: 7803136 MemFree: 512000 MemAvailable: 4194304 >"$folder/proc/meminfo"
echo "cpu-thermal" >"$folder/sys/class/thermal/thermal_zone0/type"
echo 48250 >"$folder/sys/class/thermal/thermal_zone0/temp"

port=21900
node_exporter --path.procfs="$folder/proc" --path.sysfs="$folder/sys" --web.listen-address="127.0.0.1:$port" \
    --collector.disable-defaults --collector.loadavg --collector.meminfo --collector.thermal_zone 2>"$folder/log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

# Writes the answer for a path to a file, and fails where there is no server yet.
ask() {
    exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
    printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" >&3
    cat <&3 >"$folder/answer"
    exec 3>&-
}

for _ in {1..100}; do
    if ask / 2>/dev/null; then
        break
    fi
    kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.2
done
ask /metrics
for line in \
    "node_load1 0.25" \
    "node_memory_MemTotal_bytes 7.990411264e+09" \
    "node_memory_MemAvailable_bytes 4.294967296e+09" \
    'node_thermal_zone_temp{type="cpu-thermal",zone="0"} 48.25'; do
    grep -qxF "$line" "$folder/answer" || { echo "it does not say: $line" >&2; cat "$folder/answer" "$folder/log" >&2; exit 1; }
done
said=$(node_exporter --version 2>&1 | head -n 1)
[[ $said == "node_exporter, version "[0-9]* ]] || { echo "its version is: $said" >&2; exit 1; }
echo "node-exporter: $said"
