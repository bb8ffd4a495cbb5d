"""Mirrors: an image's repository, and where it is fetched instead."""

from __future__ import annotations

from collections.abc import Mapping


def mirrored(reference: str, mirrors: Mapping[str, str]) -> str:
    """Return `reference` with its repository replaced by a mirror's, if one fits; the longest name wins.

    A mirror's name is a repository or its first parts: `debian`, `nvcr.io/nvidia`, `nvcr.io`.

    >>> mirrored("debian:bookworm-slim", {"debian": "localhost:5000/debian"})
    'localhost:5000/debian:bookworm-slim'
    """
    for name in sorted(mirrors, key=len, reverse=True):
        if reference == name or (reference.startswith(name) and reference[len(name)] in ":/@"):
            return mirrors[name] + reference[len(name) :]
    return reference
