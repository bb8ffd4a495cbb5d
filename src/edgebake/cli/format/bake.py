"""`edgebake bake`: what became of each bake target, for people and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from edgebake.cli.console import Renderable, table
from edgebake.execute.results import Fate, Result
from edgebake.model.output.build import Bake, BakeResult

_HEAD = ("BAKE TARGET", "PLATFORM", "RESULT", "TIME", "STEPS", "DIGEST")
_FATES: tuple[Fate, ...] = ("built", "tested", "up to date", "failed", "not attempted")
_MANY = 20
"""Rows that are up to date; if there are more, they are only counted."""


def text(results: Sequence[Result]) -> Iterator[Renderable]:
    """Yield the results as a table, the references that were made, and a line that counts."""
    shown = list(results)
    if sum(result.fate == "up to date" for result in results) > _MANY:
        shown = [result for result in results if result.fate != "up to date"]
    if shown:
        yield table(_HEAD, [_cells(result) for result in shown], wrap=("BAKE TARGET", "STEPS", "DIGEST"))
        yield from (f"→ {reference}" for reference in dict.fromkeys(r.reference for r in shown if r.reference))
    yield _counted(results)


def data(results: Sequence[Result]) -> Bake:
    """Return what `--json` prints."""
    rows = [
        BakeResult.of(
            result,
            result=result.fate,
            seconds=round(result.seconds, 3),
            steps_built=result.built,
            steps_cached=result.cached,
        )
        for result in results
    ]
    return Bake(version=1, results=rows)


def next_steps(results: Sequence[Result]) -> str:
    """Return how to continue a bake that did not end well."""
    lines = ["", "To continue, run the same bake again: what is finished is not built or pushed again."]
    fates = {result.fate for result in results}
    if {"failed", "not attempted"} <= fates:
        lines.append("With --keep-going it builds everything that does not depend on what failed.")
    return "\n".join([*lines, ""])


def _cells(result: Result) -> tuple[str, ...]:
    digest = result.digest or "(in the build cache)"
    if result.fate == "up to date":
        return result.bake_target, result.platform, result.fate, "", "", digest
    if not result.is_done:
        return result.bake_target, result.platform, result.fate, "", "", result.reason
    steps = f"{result.built} built, {result.cached} cached" if result.built else "cached"
    return result.bake_target, result.platform, result.fate, f"{result.seconds:.1f}s", steps, digest


def _counted(results: Sequence[Result]) -> str:
    """Return how many bake targets have each result."""
    count = Counter(fate for _, fate in {(result.bake_target, result.fate) for result in results})
    return ", ".join(f"{count[fate]} {fate}" for fate in _FATES if count[fate]) or "nothing to build"
