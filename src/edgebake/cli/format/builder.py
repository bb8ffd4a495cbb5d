"""`edgebake builder`: a builder and what it can do, for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from edgebake.execute.builders import BuilderState, work_sentence
from edgebake.model.output.machine import BuilderCheck
from edgebake.model.output.plan import PlatformWork


def text(state: BuilderState, work: Sequence[PlatformWork]) -> str:
    """Return a line for each node, and one for each platform of the project."""
    nodes = [f"node {node.name}: {node.status or 'unknown'} at {node.endpoint}" for node in state.nodes]
    return "\n".join([*nodes, *map(work_sentence, work)])


def data(name: str, work: Sequence[PlatformWork], problems: Sequence[str]) -> BuilderCheck:
    """Return what `builder check --json` prints."""
    return BuilderCheck(version=1, builder=name, platforms=list(work), problems=list(problems))
