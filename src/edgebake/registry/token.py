"""Registry tokens: the challenge of a registry, and the scope of a token.

Source: https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PARAMETER = re.compile(r'([a-zA-Z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True)
class Challenge:
    """A WWW-Authenticate header: `kind` is `bearer`, `basic`, or empty where nothing is asked for."""

    kind: str = ""
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenge(header: str | None) -> Challenge:
    """Return what a WWW-Authenticate header asks for.

    >>> parse_challenge('Bearer realm="https://a/t",service="r"').service
    'r'
    """
    kind, _, rest = (header or "").strip().partition(" ")
    found = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
    return Challenge(kind.lower(), found.get("realm", ""), found.get("service", ""), found.get("scope", ""))


def scope_of(path: str, actions: str) -> str:
    """Return the scope for actions (`pull`, `pull,push`) on a repository."""
    return f"repository:{path}:{actions}"
