"""How long stages took, from the journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from edgebake.dataclasses import dataclass
from edgebake.graph.names import arch
from edgebake.text.statistics import median

KEPT = 5
"""Measurements of a stage that count: the last ones."""

Place = tuple[str, str]
"""A target and a platform."""


@dataclass(frozen=True)
class Measured:
    """What a stage takes, as far as it is known."""

    seconds: float  # the median of its last measurements
    # "" if it is the very stage that was measured, else the target or the platform of the one that was
    source: str = ""
    emulated: bool = False  # whether the last one measured ran emulated


@dataclass
class _Stage:
    """Measurements of a stage on a platform, the oldest first."""

    seconds: list[float] = field(default_factory=list)
    emulated: bool = False

    def measured(self, source: str = "") -> Measured:
        return Measured(median(self.seconds), source, self.emulated)


@dataclass
class StageTimes:
    """What all stages took, by name in the Dockerfile, and how many of them ran at once in the last build.

    `parallelism` is the seconds of all steps over the seconds from the first one's begin to the last one's end.
    """

    stages: dict[str, dict[Place, _Stage]] = field(default_factory=dict)
    parallelism: float = 1.0

    def __bool__(self) -> bool:
        return bool(self.stages)

    def take(self, entry: Mapping[str, Any]) -> None:
        """Take in the journal's entry of one invocation; nothing of one that cannot be read."""
        try:
            emulated = set(entry.get("emulated", ()))
            found = list(_stages(entry["targets"]))
            wall, work = float(entry["seconds"]), float(entry["work"])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            return
        for name, place, seconds in found:
            before = self.stages.setdefault(name, {}).get(place, _Stage())
            self.stages[name][place] = _Stage([*before.seconds, seconds][-KEPT:], place[1] in emulated)
        if found and wall > 0:
            self.parallelism = max(1.0, work / wall)

    def of(self, target: str, name: str, platform: str, *, native: bool = False) -> Measured | None:
        """Return what a stage takes: by itself, else by the same one of another target, else on another platform.

        What was measured on another platform is scaled as the stages are that were measured on both.

        Args:
            target: the stage's target.
            name: its name in the Dockerfile, without a platform.
            platform: where it is to be built.
            native: whether it runs on the build platform, whatever it is for.
        """
        known = self.stages.get(name, {})
        if (target, platform) in known:
            return known[target, platform].measured()
        for place in sorted(known):
            if place[1] == platform:
                return known[place].measured(place[0])
        for place in sorted(known, key=lambda one: (one[0] != target, one)):
            measured = known[place].measured()
            ratio = 1.0 if native else self._ratio(platform, place[1])
            return Measured(measured.seconds * ratio, place[1])
        return None

    def _ratio(self, platform: str, other: str) -> float:
        """Return how much longer a platform's stages take than another one's; 1 if none was measured on both."""
        ratios = []
        for known in self.stages.values():
            on_both = (target for target, where in known if where == platform and (target, other) in known)
            pairs = ((known[one, platform].measured(), known[one, other].measured()) for one in on_both)
            ratios += [one.seconds / two.seconds for one, two in pairs if two.seconds > 0]
        return median(ratios) if ratios else 1.0


def _stages(targets: Mapping[str, Mapping[str, float]]) -> Iterator[tuple[str, Place, float]]:
    for target, stages in targets.items():
        for key, seconds in stages.items():
            name, _, platform = key.rpartition(" ")
            # What differs between platforms is a stage for each in the Dockerfile.
            yield name.removesuffix(f"-{arch(platform)}"), (target, platform), float(seconds)
