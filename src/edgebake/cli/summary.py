"""What a bake did, as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from edgebake.execute.results import Fate, Result

if TYPE_CHECKING:
    from edgebake.execute.executor import Executor

_HEAD = ("BAKE TARGET", "PLATFORM", "RESULT", "TIME", "STEPS", "DIGEST")
_MANY = 20  # rows of what is up to date


class Summary:
    """Tells what became of a bake when it ends, however it ends.

    Args:
        executor: what runs it.
        json_output: print JSON.
    """

    def __init__(self, executor: Executor, *, json_output: bool) -> None:
        self._executor = executor
        self._json = json_output

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import typer

        from edgebake.errors import EdgebakeError

        if kind is not None and not issubclass(kind, EdgebakeError | KeyboardInterrupt):
            return
        results = self._executor.results
        if self._json:
            import json

            typer.echo(json.dumps(summary_as_data(results), indent=2))
        elif results:
            typer.echo(summary(results))
        if kind is not None and results:
            typer.echo(_what_next(results), err=True)


def _what_next(results: Sequence[Result]) -> str:
    """Return how a bake goes on that did not end well."""
    text = "\nTo go on, call the same bake again: what is finished is not built or pushed again.\n"
    if any(row.fate == "not attempted" for row in results) and any(row.fate == "failed" for row in results):
        text += "With --keep-going it goes on with all that does not depend on what failed.\n"
    return text


def summary(results: Sequence[Result]) -> str:
    """Return the results as a table, the references that were made, and a line that counts.

    What is up to date is only counted, if it is much.
    """
    count = _counted(results)
    if sum(result.fate == "up to date" for result in results) > _MANY:
        results = [result for result in results if result.fate != "up to date"]
    if not results:
        return count
    rows = [_HEAD, *(_cells(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    references = dict.fromkeys(result.reference for result in results if result.reference)
    return "\n".join([*lines, *(f"→ {reference}" for reference in references), count])


def _cells(result: Result) -> tuple[str, ...]:
    if result.fate == "up to date":
        return result.bake_target, result.platform, result.fate, "", "", result.digest or "(in the build cache)"
    if not result.is_done:
        return result.bake_target, result.platform, result.fate, "", "", result.reason
    steps = "cached" if not result.built else f"{result.built} built, {result.cached} cached"
    digest = result.digest or "(in the build cache)"
    return result.bake_target, result.platform, result.fate, f"{result.seconds:.1f}s", steps, digest


def _counted(results: Sequence[Result]) -> str:
    """Return how many bake targets came to what."""
    fates = {(result.bake_target, result.fate) for result in results}
    count = Counter(fate for _, fate in fates)
    order: tuple[Fate, ...] = ("built", "tested", "up to date", "failed", "not attempted")
    return ", ".join(f"{count[fate]} {fate}" for fate in order if count[fate]) or "nothing to build"


def summary_as_data(results: Sequence[Result]) -> dict[str, Any]:
    """Return the results as data for `--json`."""
    return {
        "version": 1,
        "results": [
            {
                "bake_target": result.bake_target,
                "platform": result.platform,
                "result": result.fate,
                "reason": result.reason,
                "seconds": round(result.seconds, 3),
                "steps_built": result.built,
                "steps_cached": result.cached,
                "reference": result.reference,
                "digest": result.digest,
            }
            for result in results
        ],
    }
