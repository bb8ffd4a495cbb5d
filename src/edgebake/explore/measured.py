"""How long stages took when they were built last in this checkout, as the journal tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgebake.compile import Compilation
from edgebake.graph.names import platform_name
from edgebake.graph.node import Node
from edgebake.journal import Entry

Measured = Mapping[tuple[str, str, str], float]
"""Seconds by target, stage as BuildKit calls it, and platform."""


def measured_seconds(entries: Iterable[Entry], compilation: Compilation) -> Measured:
    """Return what each stage took the last time that it did not come from the cache.

    Args:
        entries: the journal's, the oldest first.
        compilation: tells which target a bake target is for.
    """
    targets = {one.name: one.target for one in compilation.graph.bake_targets}
    found: dict[tuple[str, str, str], float] = {}
    for entry in entries:
        target = targets.get(str(entry.get("bake_target")))
        steps = entry.get("steps")
        if entry.get("event") != "finished" or target is None or not isinstance(steps, dict):
            continue
        for key, seconds in steps.items():
            stage, _, platform = str(key).partition(" ")
            if isinstance(seconds, int | float):
                found[target, stage, platform] = float(seconds)
    return found


def seconds_of(measured: Measured, node: Node, name: str, platform: str) -> float | None:
    """Return the seconds of a stage on a platform; None if it was never measured."""
    names = (name, platform_name(name, platform))
    return next(
        (measured[node.target, one, platform] for one in names if (node.target, one, platform) in measured), None
    )
