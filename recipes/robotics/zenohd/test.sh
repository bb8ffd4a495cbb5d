#!/bin/bash
# Starts the router, sends the first message of Zenoh's protocol, and looks for the router's identifier in the answer.
set -euo pipefail

log=$(mktemp)
zenohd --listen tcp/127.0.0.1:27447 --id 2a0102 --no-multicast-scouting >"$log" 2>&1 &
router=$!
trap 'kill "$router" 2>/dev/null || true; rm -f "$log"' EXIT
for _ in {1..100}; do
    if exec 3<>/dev/tcp/127.0.0.1/27447; then
        break
    fi 2>/dev/null
    kill -0 "$router" 2>/dev/null || { cat "$log" >&2; exit 1; }
    sleep 0.2
done

# Prints so many bytes of the answer as hexadecimal digits.
bytes() {
    head -c "$1" <&3 | od -An -v -tx1 | tr -d ' \n'
}

# Four bytes follow: INIT, version 9 of the protocol, "a client with an identifier of one byte", the identifier.
printf '\x04\x00\x01\x09\x02\x07' >&3
size=$(bytes 2)
answer=$(bytes "$((16#${size:2:2}${size:0:2}))")
exec 3>&-
# INIT with the flag for an acknowledgement, whatever the other flags; version 9; a router, with three bytes.
if ((((16#${answer:0:2}) & 16#3f) != 16#21)) || [[ ${answer:2:10} != 092002012a ]]; then
    echo "the router answers $answer" >&2
    exit 1
fi
echo "zenohd: $(zenohd --version)"
