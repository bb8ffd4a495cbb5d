#!/bin/bash
# Unpacks the wheel, and srt, which is one Python file, with what says which release it is; writes vosk's program.
set -euo pipefail

site=$OUT/lib/python$PYTHON_VERSION/site-packages
mkdir -p "$site" "$OUT/bin"
python3 -m zipfile -e ./vosk-*.whl "$site"
tar --no-same-owner --strip-components=1 -C "$site" -xf srt-*.tar.gz --wildcards '*/srt.py' '*/srt.egg-info'
cat >"$OUT/bin/vosk-transcriber" <<'PROGRAM'
#!/opt/venv/bin/python
from vosk.transcriber.cli import main

main()
PROGRAM
chmod +x "$OUT/bin/vosk-transcriber"
