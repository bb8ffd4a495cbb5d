"""Ask the service in this container whether it is well: `python -m detector.healthcheck`."""

from __future__ import annotations

import os
import sys
import urllib.request

from detector.config import load_settings
from detector.errors import ConfigError

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def main() -> int:
    """Return the exit code: 0 when /health answers within three seconds, else 1."""
    try:
        host, port = load_settings(os.environ).listen
        host = _ANY_ADDRESS.get(host, host)
        url = f"http://[{host}]:{port}/health" if ":" in host else f"http://{host}:{port}/health"
        # A proxy from the environment must not be asked for our own address.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=3):
            return 0
    except (ConfigError, OSError) as error:  # URLError and HTTPError are OSErrors
        print(f"unhealthy: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
