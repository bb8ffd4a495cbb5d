"""Text for a terminal, where control characters from a registry, a build or a file's name are commands."""

from __future__ import annotations

import re

# Whole sequences (ECMA-48: CSI, and strings such as OSC), so that no "[31m" is left; then every other character
# that a terminal obeys and does not show: controls but tab and line feed, line separators, and formats (Unicode's
# category Cf), which reorder and hide text. Surrogates, which stand for bytes of a name, are escaped anyway.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*\x07?"
)
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)


def printable(text: str) -> str:
    """Return a text without what a terminal would obey; tabs and line feeds stay.

    >>> printable("a\\x1b[31mb")
    'ab'
    """
    if text.isprintable():
        return text
    return _CONTROL.sub("", _SEQUENCE.sub("", text))


def escaped(json: str) -> str:
    r"""Return JSON with such characters in its strings escaped (``\u001b``), which is the same JSON."""
    return _CONTROL.sub(_escape, json)


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
