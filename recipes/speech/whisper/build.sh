#!/bin/bash
# Unpacks the package and what says which release it is; writes its program.
set -euo pipefail

site=$OUT/lib/python$PYTHON_VERSION/site-packages
mkdir -p "$site" "$OUT/bin"
tar --no-same-owner --strip-components=1 -C "$site" -xf openai*whisper-*.tar.gz --wildcards \
    '*/whisper' '*/openai_whisper.egg-info'
cat >"$OUT/bin/whisper" <<'PROGRAM'
#!/opt/venv/bin/python
from whisper.transcribe import cli

cli()
PROGRAM
chmod +x "$OUT/bin/whisper"
