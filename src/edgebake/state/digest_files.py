"""Digest files: what one invocation of edgebake pushed, handed on to the one that merges.

One JSON file for each invocation (shard), called after what it is about, so that files of several machines can lie
in one folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import model_validator

from edgebake.errors import EdgebakeError, Position
from edgebake.graph.names import arch
from edgebake.model.base import Model, Platform, Repository
from edgebake.model.decoding import decode
from edgebake.model.lock import Digest
from edgebake.plan.builder import is_staging_tag
from edgebake.system.atomic import write_file
from edgebake.system.own_files import read_regular

_LONGEST_NAME = 100
_LARGEST = 16 << 20  # bytes


class Part(Model):
    """One platform of one bake target, pushed.

    `repository@digest` pulls it: a manifest, or an index if it has attestations. `staging_tag` is set where the
    driver cannot push by digest.
    """

    bake_target: str
    image: str
    target: str
    platform: Platform
    repository: Repository
    digest: Digest
    fingerprint: Digest
    staging_tag: str | None = None

    @model_validator(mode="after")
    def _check_staging_tag(self) -> Part:
        """A tag that is removed after the merge must be one that only a staged build has."""
        own = f"-{arch(self.platform)}-{self.fingerprint.removeprefix('sha256:')[:16]}"
        tag = self.staging_tag
        if tag is not None and not (is_staging_tag(tag, self.target) and own in tag):
            raise ValueError(f"{tag!r} is no staging tag of {self.bake_target} ({self.platform})")
        return self


class DigestFile(Model):
    """What a digest file holds."""

    version: Literal[1] = 1
    parts: tuple[Part, ...]


class Shard(NamedTuple):
    """A digest file that was read."""

    path: Path
    parts: tuple[Part, ...]


def subject_name(words: Iterable[str]) -> str:
    """Return the file name (without `.json`) for what an invocation is about; `all` for everything.

    >>> subject_name(["linux/arm64"])
    'linux-arm64'
    """
    name = "-".join(re.sub(r"[^A-Za-z0-9._-]", "-", word) for word in words)
    return (name or "all")[:_LONGEST_NAME]


def write_digest_file(folder: Path, subject: str, parts: Sequence[Part]) -> Path:
    """Write a digest file, as one change, and return where it is.

    Raises:
        EdgebakeError: it cannot be written.
    """
    file = folder / f"{subject}.json"
    ordered = tuple(sorted(parts, key=lambda part: (part.bake_target, part.platform)))
    write_file(file, (json.dumps(DigestFile(parts=ordered).model_dump(), indent=2) + "\n").encode())
    return file


def read_shards(places: Sequence[Path]) -> list[Shard]:
    """Return the digest files that are named, or lie in the folders that are named; each once.

    Raises:
        EdgebakeError: there is none, or one is not a digest file.
    """
    files: dict[Path, Path] = {}
    for place in places:
        found = sorted(place.rglob("*.json")) if place.is_dir() else [place]
        if not found:
            raise EdgebakeError(f"no digest file found in {str(place)!r}", hints=_HINTS)
        files.update({file.resolve(): file for file in found})
    return [Shard(file, _read(file)) for file in files.values()]


_HINTS = ("a build writes one: edgebake bake --push --digests DIR",)


def _read(file: Path) -> tuple[Part, ...]:
    at = Position(str(file))
    try:
        return decode(DigestFile, read_regular(file, _LARGEST)).parts
    except OSError as error:
        raise EdgebakeError(f"cannot read the digest file: {error.strerror}", at=at, hints=_HINTS) from None
    except ValueError as error:
        raise EdgebakeError("this is not a digest file", at=at, reason=str(error), hints=_HINTS) from None


def missing_siblings(paths: Iterable[Path]) -> list[str]:
    """Return the names of the shard files that others in the same set speak of: `shard-2-of-4.json`."""
    numbers: dict[int, set[int]] = {}
    for path in paths:
        match = re.fullmatch(r"shard-(\d+)-of-(\d+)", path.stem)
        if match:
            numbers.setdefault(int(match[2]), set()).add(int(match[1]))
    return [f"shard-{i}-of-{n}.json" for n, seen in numbers.items() for i in range(1, n + 1) if i not in seen]
