"""Logins for package indexes, from a netrc file."""

from __future__ import annotations

import base64
import os
from netrc import NetrcParseError, netrc
from pathlib import Path
from urllib.parse import urlsplit


class Logins:
    """The logins of a netrc file; none if it cannot be read.

    Args:
        file: the file; None for the user's own, or the one that NETRC names.
    """

    def __init__(self, file: Path | None = None) -> None:
        place = file or os.environ.get("NETRC")
        try:
            self._found: netrc | None = netrc(place) if place else netrc()
        except (OSError, NetrcParseError):
            self._found = None

    def headers(self, url: str) -> dict[str, str]:
        """Return the header that logs in to the server of a URL; none if it has no login."""
        login = self._found.authenticators(urlsplit(url).hostname or "") if self._found else None
        if login is None:
            return {}
        word = base64.b64encode(f"{login[0]}:{login[2]}".encode()).decode()
        return {"Authorization": f"Basic {word}"}
