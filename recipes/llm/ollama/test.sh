#!/bin/bash
# Starts the server, asks for its version, and gives it a file: it computes the file's SHA-256 and refuses a wrong one.
set -euo pipefail

folder=$(mktemp -d)
export OLLAMA_HOST=127.0.0.1:21434 OLLAMA_MODELS=$folder HOME=$folder
ollama serve >"$folder/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in {1..100}; do
    if ollama list >/dev/null 2>&1; then
        break
    fi
    kill -0 "$server" || { cat "$folder/log" >&2; exit 1; }
    sleep 0.5
done

# Sends a request and prints the status. Arguments: method, path, body.
ask() {
    exec 3<>/dev/tcp/127.0.0.1/21434
    printf '%s %s HTTP/1.0\r\nHost: localhost\r\nContent-Length: %s\r\n\r\n%s' "$1" "$2" "${#3}" "$3" >&3
    local _ status
    read -r _ status _ <&3
    exec 3>&-
    echo "$status"
}

text="six times seven"
digest=$(printf '%s' "$text" | sha256sum | cut -d' ' -f1)
right=$(ask POST "/api/blobs/sha256:$digest" "$text")
[[ $right == 201 ]] || { echo "a file with its own digest: status $right" >&2; exit 1; }
there=$(ask HEAD "/api/blobs/sha256:$digest" "")
[[ $there == 200 ]] || { echo "a file that was stored: status $there" >&2; exit 1; }
wrong=$(ask POST "/api/blobs/sha256:${digest//[0-9]/0}" "$text")
[[ $wrong == 4?? || $wrong == 5?? ]] || { echo "a file with another's digest: status $wrong" >&2; exit 1; }
echo "ollama: $(ollama --version)"
