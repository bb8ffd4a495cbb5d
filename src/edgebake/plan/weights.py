"""How much work a stage is: an estimate by its kind, or the seconds that a bake has measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path

from pydantic import ConfigDict

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position
from edgebake.graph.node import Kind, Node
from edgebake.model.base import Model
from edgebake.model.decoding import decode
from edgebake.system.own_files import read_regular

SECONDS: Mapping[Kind, float] = {
    "base": 1,
    "native": 1,
    "tool": 30,
    "fetch": 20,
    "source": 20,
    "sysroot": 20,
    "build": 300,
    "artifact": 1,
    "install": 15,
    "check": 2,
    "image": 1,
    "test": 10,
}
"""What a stage of a kind takes, roughly. Only their proportions matter."""
COPYING = 1.0
"""Seconds of an install stage in which nothing runs."""


@dataclass(frozen=True)
class Timings:
    """Seconds of whole bake targets on a platform, as earlier bakes measured them."""

    seconds: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def of(self, bake_target: str, platform: str) -> float | None:
        """Return the seconds of a bake target on a platform, or None if no bake measured them."""
        return self.seconds.get((bake_target, platform))


def stage_seconds(node: Node, platform: str) -> float:
    """Return the estimate for one stage on a platform."""
    body = node.bodies.get(platform)
    if body is None or body.empty:
        return 0.0
    if node.kind == "install" and not body.runs:
        return COPYING
    return SECONDS[node.kind]


class _Row(Model):
    model_config = ConfigDict(extra="ignore")
    bake_target: str
    platform: str
    steps_built: int
    seconds: float


class _Summary(Model):
    """What is read of the output of `edgebake bake --json`."""

    model_config = ConfigDict(extra="ignore")
    results: list[_Row]


def read_timings(paths: Iterable[Path]) -> Timings:
    """Return the seconds in summaries that `edgebake bake --json` printed; of several, the longest counts.

    A bake that took all from its cache says nothing of the work, and is left out.

    Raises:
        EdgebakeError: a file cannot be read, or is no such summary.
    """
    found: dict[tuple[str, str], float] = {}
    for path in paths:
        try:
            for row in decode(_Summary, read_regular(path)).results:
                key = (row.bake_target, row.platform)
                if row.steps_built:
                    found[key] = max(found.get(key, 0.0), row.seconds)
        except OSError as error:
            raise EdgebakeError(f"cannot read the file: {error.strerror}", at=Position(str(path))) from None
        except ValueError:
            raise EdgebakeError(
                "this is no summary of a bake", at=Position(str(path)), hints=("edgebake bake --json prints one",)
            ) from None
    return Timings(found)
