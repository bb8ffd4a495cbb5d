"""Mirrors: an image's repository, and where it is fetched instead. Names are compared as Docker reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgebake.registry.reference import HUB, parse_repository

_HUB_NAMES = (HUB, "index.docker.io", "registry-1.docker.io")


def mirrored(reference: str, mirrors: Mapping[str, str]) -> str:
    """Return `reference` with its repository replaced by a mirror's, if one fits; the longest name wins.

    A mirror's name is a repository or its first parts: `debian`, `nvcr.io/nvidia`, `docker.io`. Both names are
    compared in full: `debian` is `docker.io/library/debian`.

    >>> mirrored("debian:bookworm-slim", {"debian": "localhost:5000/debian"})
    'localhost:5000/debian:bookworm-slim'
    >>> mirrored("debian:bookworm-slim", {"docker.io": "harbor.example.com/hub"})
    'harbor.example.com/hub/library/debian:bookworm-slim'
    """
    name, rest = _split(reference)
    full = str(parse_repository(name))
    fitting = ((known, mirrors[key]) for key in mirrors for known in canonical_names(key) if _covers(known, full))
    found = max(fitting, key=lambda pair: len(pair[0]), default=None)
    return f"{found[1]}{full[len(found[0]) :]}{rest}" if found else reference


def merged_mirrors(project: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the project's mirrors with others over them, which win for one repository however it is written."""
    replaced = {name for key in given for name in canonical_names(key)}
    return {**{key: to for key, to in project.items() if replaced.isdisjoint(canonical_names(key))}, **given}


def unmatched_mirrors(mirrors: Iterable[str], images: Iterable[str]) -> list[str]:
    """Return the names of mirrors that fit none of some images."""
    images = list(images)
    return sorted(name for name in mirrors if not any(mirrored(image, {name: "x"}) != image for image in images))


def canonical_names(mirror: str) -> tuple[str, ...]:
    """Return the full names that a mirror's name stands for: one; two for a name on Docker Hub without a '/'.

    >>> canonical_names("index.docker.io"), canonical_names("ghcr.io/acme")
    (('docker.io',), ('ghcr.io/acme',))
    >>> canonical_names("debian")  # an official image, or everything of an organisation
    ('docker.io/library/debian', 'docker.io/debian')
    """
    if mirror in _HUB_NAMES:
        return (HUB,)
    host, slash, path = mirror.partition("/")
    if not slash:
        is_host = "." in host or ":" in host or host == "localhost"
        return (host,) if is_host else (str(parse_repository(host)), f"{HUB}/{host}")
    if host in _HUB_NAMES:
        return (f"{HUB}/{path}",) if "/" in path else (str(parse_repository(mirror)), f"{HUB}/{path}")
    return (str(parse_repository(mirror)),)


def _covers(name: str, full: str) -> bool:
    return full == name or full.startswith(f"{name}/")


def _split(reference: str) -> tuple[str, str]:
    """Return a reference's repository, and its tag and digest with their separators."""
    name, at, digest = reference.partition("@")
    head, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        head, colon, tag = name, "", ""
    return head, f"{colon}{tag}{at}{digest}"
