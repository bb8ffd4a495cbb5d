"""One thing that differs, and how many of them are found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["base", "recipe", "python", "setting", "tag"]
KINDS: tuple[Kind, ...] = ("base", "recipe", "python", "setting", "tag")


@dataclass(frozen=True)
class Change:
    """One thing that was added, removed or changed.

    `name` is a recipe, a Python package, a setting or a tag; empty if there is one only. `before` and `after` are
    its release or value; None where it is not there.
    """

    kind: Kind
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Where:
    """A change, and the platforms on which it is."""

    change: Change
    platforms: tuple[str, ...]


Facts = Mapping[Kind, Mapping[str, str]]
"""What an image consists of on a platform: values by name, for each kind."""


def changes_of(before: Facts, after: Facts) -> list[Change]:
    """Return what differs between two sets of facts, by kind and name."""
    return [
        Change(kind, name, before.get(kind, {}).get(name), after.get(kind, {}).get(name))
        for kind in KINDS
        for name in sorted({*before.get(kind, {}), *after.get(kind, {})})
        if before.get(kind, {}).get(name) != after.get(kind, {}).get(name)
    ]


def by_platforms(found: Iterable[tuple[str, Sequence[Change]]]) -> list[Where]:
    """Return changes by kind and name, each with all its platforms."""
    platforms: dict[Change, list[str]] = {}
    for platform, changes in found:
        for change in changes:
            platforms.setdefault(change, []).append(platform)
    places = sorted(platforms.items(), key=lambda one: (KINDS.index(one[0].kind), one[0].name))
    return [Where(change, tuple(where)) for change, where in places]
