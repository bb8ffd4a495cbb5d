"""Reading compatibility data, and asking it what runs on a target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position, did_you_mean
from edgebake.load.catalogue import Catalogue, LoadedTarget
from edgebake.load.document import Document
from edgebake.load.validate import validate_named
from edgebake.model.compatibility import Framework, Row
from edgebake.model.target import Target, facts

FOLDER = "compatibility"


@dataclass(frozen=True)
class LoadedFramework:
    """A framework's data and where it stands."""

    framework: Framework
    document: Document

    @property
    def name(self) -> str:
        return self.framework.name

    def at(self, row: int, key: str | None = None) -> Position:
        """Return the position of a row, or of a value in it."""
        return self.document.at(("rows", row) if key is None else ("rows", row, key))

    def rows_on(self, target: Target, platform: str) -> list[int]:
        """Return the numbers of the rows that hold on a target and platform."""
        known = facts(target, platform)
        return [number for number, row in enumerate(self.framework.rows) if row.when.holds(known)]


@dataclass(frozen=True)
class Entry:
    """A row of a framework, where it holds: a target, and those of its platforms."""

    framework: str
    row: Row
    target: Target
    platforms: tuple[str, ...]


def load_frameworks(catalogue: Catalogue) -> list[LoadedFramework]:
    """Return all compatibility data, by name.

    Raises:
        EdgebakeError: a file is wrong, or named unlike its framework.
    """
    documents = catalogue.target_data(FOLDER, "framework").values()
    return [LoadedFramework(validate_named(Framework, document, "framework"), document) for document in documents]


def select_frameworks(frameworks: Sequence[LoadedFramework], names: Sequence[str]) -> list[LoadedFramework]:
    """Return the frameworks of these names, all without names.

    Raises:
        EdgebakeError: there is no data about one of them.
    """
    known = {loaded.name: loaded for loaded in frameworks}
    for name in names:
        if name not in known:
            hints = did_you_mean(name, known, kind="framework")
            raise EdgebakeError(f"there is no compatibility data about {name!r}", hints=hints)
    return [known[name] for name in sorted(set(names) or known)]


def select_targets(catalogue: Catalogue, patterns: Sequence[str]) -> list[LoadedTarget]:
    """Return the targets that match one of the patterns, all without patterns; by name.

    Raises:
        EdgebakeError: a pattern matches no target.
    """
    found = {
        loaded.target.name: loaded
        for pattern in patterns or catalogue.target_names()
        for loaded in catalogue.match_targets(pattern)
    }
    return [found[name] for name in sorted(found)]


def entries(frameworks: Iterable[LoadedFramework], targets: Sequence[LoadedTarget]) -> list[Entry]:
    """Return what holds on the targets: by framework, target, and place in the file."""
    found = []
    for loaded in frameworks:
        for target in (one.target for one in targets):
            platforms: dict[int, list[str]] = {}
            for platform in target.platforms:
                for number in loaded.rows_on(target, platform):
                    platforms.setdefault(number, []).append(platform)
            found += [
                Entry(loaded.name, loaded.framework.rows[number], target, tuple(platforms[number]))
                for number in sorted(platforms)
            ]
    return found
