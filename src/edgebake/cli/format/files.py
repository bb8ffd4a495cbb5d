"""What commands print about files that they write or check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import typer

from edgebake.cli.console import print_error
from edgebake.errors import EXIT_CHECK
from edgebake.render.writer import Change


def changes_text(changes: Iterable[Change]) -> Iterator[str]:
    """Yield a line for each change."""
    return (f"{change.kind:<8} {change.path}" for change in changes)


def refuse_stale(paths: Sequence[str], command: str) -> None:
    """Report files that differ from what `command` writes, if there are any, and exit with 3."""
    if paths:
        lines = [f"error: {path} is stale" for path in paths]
        print_error("\n".join([*lines, "", f"hint: write it again: {command}"]))
        raise typer.Exit(EXIT_CHECK)
