#!/usr/bin/env bash
# Makes a clip in three formats, counts its frames, and compares what comes back with what went in.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
run() { ffmpeg -nostdin -hide_banner -loglevel error -y "$@"; }

run -f lavfi -i testsrc=size=160x120:rate=10:duration=2 -f lavfi -i sine=frequency=1000:duration=2 \
    -c:v ffv1 -pix_fmt yuv420p -c:a pcm_s16le original.mkv
frames() { ffprobe -v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0 "$1"; }

for codec in libx264 mpeg4; do
    run -i original.mkv -c:v "$codec" -q:v 2 -c:a aac "$codec.mp4"
    [ "$(frames "$codec.mp4" | tr -d ',')" = 20 ] || { echo "$codec: $(frames "$codec.mp4") frames, not 20"; exit 1; }
    similar=$(ffmpeg -nostdin -hide_banner -i "$codec.mp4" -i original.mkv -lavfi ssim -f null - 2>&1 |
        sed -n 's/.*All:\([0-9.]*\).*/\1/p')
    awk -v value="${similar:-0}" 'BEGIN { exit !(value > 0.9) }' || { echo "$codec: similarity ${similar:-none}"; exit 1; }
done

# Two formats without loss give the same pixels.
run -i original.mkv -c:v ffvhuff -an again.avi
pixels() { run -i "$1" -map 0:v -f hash -hash sha256 -; }
[ "$(pixels original.mkv)" = "$(pixels again.avi)" ] || { echo "a format without loss changed the pixels"; exit 1; }

seconds=$(ffprobe -v error -show_entries format=duration -of csv=p=0 libx264.mp4)
awk -v value="$seconds" 'BEGIN { exit !(value > 1.9 && value < 2.2) }' || { echo "$seconds s, not 2"; exit 1; }
echo "ffmpeg: $(ffmpeg -version | head -n 1)"
