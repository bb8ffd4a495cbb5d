"""What a bake did, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgebake.execute.results import Result

_HEAD = ("BAKE TARGET", "PLATFORM", "TIME", "STEPS", "DIGEST")


def summary(results: Sequence[Result]) -> str:
    """Return the results as a table, and the references that were made."""
    rows = [_HEAD, *(_cells(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    references = dict.fromkeys(result.reference for result in results if result.reference)
    return "\n".join([*lines, *(f"→ {reference}" for reference in references)])


def _cells(result: Result) -> tuple[str, str, str, str, str]:
    steps = "cached" if not result.built else f"{result.built} built, {result.cached} cached"
    digest = result.digest or "(in the build cache)"
    return result.bake_target, result.platform, f"{result.seconds:.1f}s", steps, digest


def summary_as_data(results: Sequence[Result]) -> dict[str, Any]:
    """Return the results as data for `--json`."""
    return {
        "version": 1,
        "results": [
            {
                "bake_target": result.bake_target,
                "platform": result.platform,
                "seconds": round(result.seconds, 3),
                "steps_built": result.built,
                "steps_cached": result.cached,
                "reference": result.reference,
                "digest": result.digest,
            }
            for result in results
        ],
    }
