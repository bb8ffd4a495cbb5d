"""Output of `diff`."""

from __future__ import annotations

from typing import Literal

from edgebake.model.output.base import Fingerprint, Output, Platform, Record


class PlainChange(Record):
    name: str
    """Name of what changed; empty if there is only one."""
    before: str | None
    """Null if it was added."""
    after: str | None
    """Null if it was removed."""


class ImageChange(PlainChange):
    platforms: list[Platform]


class ChangedStage(Record):
    name: str
    kind: str
    recipe: str
    platform: Platform
    state: Literal["new", "direct", "indirect", "moved"]
    """`direct`: its own inputs changed. `indirect`: only inputs of a stage that it is made from changed."""
    causes: list[str]
    before: Fingerprint | None
    """Null for a new stage."""
    after: Fingerprint


class ImageDiff(Record):
    image: str
    target: str
    other_target: str | None = None
    """Second target of a comparison of targets."""
    platforms: list[Platform] | None = None
    old_platforms: list[Platform] | None = None
    """Platforms that `platforms` are compared with."""
    change: Literal["added", "removed", "changed"]
    base: list[ImageChange]
    recipes: list[ImageChange]
    python: list[ImageChange]
    settings: list[ImageChange]
    tags: list[ImageChange]
    stages: list[ChangedStage] | None = None
    """Stages that are built again, or differ on the second target; not for locks."""


class SameImage(Record):
    image: str
    target: str


class Diff(Output):
    """Differences between commits, targets or locks: `edgebake diff --json`."""

    before: str
    after: str
    images: list[ImageDiff]
    """Images that differ."""
    same: list[SameImage] | None = None
    """Images that do not differ; not for locks."""
    files: dict[str, str] | None = None
    """Added and removed lines of the project's text files, by path."""
    bases: list[PlainChange] | None = None
    """Only for locks: digests of base images."""
    git: list[PlainChange] | None = None
    """Only for locks: commits of git refs."""
    refresh: PlainChange | None = None
    """Only for locks: how often unversioned system packages were reinstalled."""
