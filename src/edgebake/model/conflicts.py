"""What `edgebake lock` has found to conflict, for the commands that ask no index."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edgebake.model.base import Line, Model

CONFLICTS_FILE = ".edgebake/python-conflicts.json"
"""In the state folder, which is never committed: an index can have the solution tomorrow."""


class AskedPackage(Model):
    """A Python requirement of a recipe, and the index that it is for."""

    recipe: Line
    requirement: Line
    index: Line | None = None


class KnownConflict(Model):
    """Requirements that cannot be met together, and why, in prose."""

    asked: Annotated[tuple[AskedPackage, ...], Field(min_length=1)]
    explanation: str


class KnownConflicts(Model):
    """All conflicts of a project, by the digest of the resolution's inputs."""

    conflicts: dict[str, KnownConflict] = {}
