"""What `diff` prints."""

from __future__ import annotations

from typing import Literal

from edgebake.model.base import Model
from edgebake.model.output.base import Fingerprint, Output, Platform


class PlainChange(Model):
    name: str
    """Empty if there is one such thing only."""
    before: str | None
    """Null if it was not there."""
    after: str | None
    """Null if it is not there."""


class ImageChange(PlainChange):
    platforms: list[Platform]


class ChangedStage(Model):
    name: str
    kind: str
    recipe: str
    platform: Platform
    state: Literal["new", "direct", "indirect", "moved"]
    """`direct`: its own inputs changed; `indirect`: only those of a stage that it is made from."""
    causes: list[str]
    before: Fingerprint | None
    """Null if there was no such stage."""
    after: Fingerprint


class ImageDiff(Model):
    image: str
    target: str
    other_target: str | None = None
    """Of two targets that are compared, the second."""
    platforms: list[Platform] | None = None
    old_platforms: list[Platform] | None = None
    """What `platforms` are compared with."""
    change: Literal["added", "removed", "changed"]
    base: list[ImageChange]
    recipes: list[ImageChange]
    python: list[ImageChange]
    settings: list[ImageChange]
    tags: list[ImageChange]
    stages: list[ChangedStage] | None = None
    """What is built again, or built otherwise on the second target; not of locks."""


class SameImage(Model):
    image: str
    target: str


class Diff(Output):
    """What differs between commits, targets or locks: `edgebake diff --json`."""

    before: str
    after: str
    images: list[ImageDiff]
    """Those that differ."""
    same: list[SameImage] | None = None
    """Those that do not; not of locks."""
    files: dict[str, str] | None = None
    """Lines that were added and removed, by path of a text file of the project."""
    bases: list[PlainChange] | None = None
    """Of locks: base images' digests."""
    git: list[PlainChange] | None = None
    """Of locks: what git refs are pinned to."""
    refresh: PlainChange | None = None
    """Of locks: how often unversioned system packages were reinstalled."""
