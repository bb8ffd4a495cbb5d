"""What a bake does, step by step. The explainer and the executor read the same list."""

from __future__ import annotations

from typing import Literal

from edgebake.dataclasses import dataclass
from edgebake.graph.build_graph import BakeTarget, Index
from edgebake.plan.reuse import PublishedStage
from edgebake.render.writer import Change

Output = Literal["cache", "load", "push"]


@dataclass(frozen=True)
class WriteFiles:
    """Bring the generated files up to date."""

    changes: tuple[Change, ...]


@dataclass(frozen=True)
class CheckBuilder:
    """See that Docker, Buildx and a builder for the platforms are there.

    `emulated` are the platforms on which commands run that the build platform may not be able to run itself.
    """

    platforms: tuple[str, ...]
    emulated: tuple[str, ...]


@dataclass(frozen=True)
class PublishStages:
    """Push stages under their keys, so that no other machine builds them again."""

    repository: str
    stages: tuple[PublishedStage, ...]


@dataclass(frozen=True)
class BakeItem:
    """A bake target, and the platforms that are built of it. A `tag` replaces the declared ones."""

    bake_target: BakeTarget
    platforms: tuple[str, ...]
    tag: str = ""


@dataclass(frozen=True)
class Bake:
    """Build images with `docker buildx bake`, and run their tests. What is finished is recorded at once."""

    images: tuple[BakeItem, ...]
    output: Output
    tests: tuple[BakeItem, ...] = ()

    @property
    def items(self) -> tuple[BakeItem, ...]:
        """Tests and images."""
        return (*self.tests, *self.images)


@dataclass(frozen=True)
class VerifyIndexes:
    """See that each pushed tag has exactly the declared platforms."""

    bake_targets: tuple[BakeTarget, ...]


@dataclass(frozen=True)
class MergeIndex:
    """Put the pushed images of several targets under one tag, and see that it has the declared platforms."""

    index: Index


Step = WriteFiles | CheckBuilder | PublishStages | Bake | VerifyIndexes | MergeIndex
