"""The bake targets and platforms that a request comes to: what is planned and built."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from edgebake.dataclasses import dataclass
from edgebake.graph.build_graph import BakeTarget
from edgebake.model.request import Request


class Part(NamedTuple):
    """A bake target, by its name, on one platform."""

    bake_target: str
    platform: str


Parts = frozenset[Part]


@dataclass(frozen=True)
class ScopedTarget:
    """A bake target in a scope, the platforms of it that are built, and why."""

    bake_target: BakeTarget
    platforms: tuple[str, ...]
    why: str = ""

    @property
    def parts(self) -> list[Part]:
        """The bake target on each of its platforms."""
        return [Part(self.bake_target.name, platform) for platform in self.platforms]


@dataclass(frozen=True)
class Scope:
    """The bake targets and platforms that a request comes to."""

    request: Request  # what the user asked for
    # the bake targets of images, tests not among them, each on at least one platform
    targets: tuple[ScopedTarget, ...]
    narrowed: bool = False  # whether it is a part of what the request alone comes to: a shard, or what changed
    shard: str = ""  # the name of the shard that it is, `2/4`; "" if it is none
    # the parts of each shard, if only stages that several shards need are built and published
    sharing: tuple[Parts, ...] | None = None
    notes: tuple[str, ...] = ()  # what the user should know about what selectors match

    @cached_property
    def parts(self) -> Parts:
        """All bake targets on all their platforms."""
        return frozenset(part for target in self.targets for part in target.parts)

    def only(self, parts: Iterable[Part | tuple[str, str]], why: str) -> Scope:
        """Return the part of the scope that `parts` names, and why these are in it."""
        return replace(self._where(frozenset(parts).__contains__, why), narrowed=True)

    def on(self, platform: str) -> Scope:
        """Return the part of the scope on one platform."""
        scope = self._where(lambda part: part.platform == platform, "")
        return replace(scope, request=replace(self.request, platforms=(platform,)))

    def selected(self, parts: Iterable[Part | tuple[str, str]], why: str, notes: Iterable[str]) -> Scope:
        """Return the part of the scope that selectors match: still what the request alone comes to."""
        return replace(self._where(frozenset(parts).__contains__, why), notes=tuple(notes))

    def _where(self, keep: Callable[[Part], bool], why: str) -> Scope:
        kept = []
        for target in self.targets:
            platforms = tuple(part.platform for part in target.parts if keep(part))
            if platforms:
                kept.append(replace(target, platforms=platforms, why=why or target.why))
        return replace(self, targets=tuple(kept))
