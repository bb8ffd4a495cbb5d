"""Where all output of commands passes: text through rich, and JSON from a published model.

Results go to stdout, everything else to stderr. On a terminal text fits its width, and colours obey NO_COLOR.
Through a pipe nothing is cut, wrapped or coloured.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console, RenderableType
    from rich.table import Table

UNLIMITED = 100_000
"""Columns of a stream that is no terminal."""
LEAST = 16
"""Columns of text below which a narrow terminal folds other columns, too."""


def console(stream: TextIO) -> Console:
    """Return rich's console for a stream: as wide as the terminal, or unlimited where there is none."""
    from rich.console import Console

    width = None if stream.isatty() else UNLIMITED
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, legacy_windows=False)


def render(renderable: RenderableType, stream: TextIO | None = None) -> str:
    """Return what is printed for a text or table, without the blanks that rich puts at the ends of lines."""
    target = console(stream or sys.stdout)
    with target.capture() as capture:
        target.print(renderable, soft_wrap=isinstance(renderable, str))
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n"))


def print_text(*renderables: RenderableType) -> None:
    """Print texts and tables to stdout, each from a line of its own."""
    for renderable in renderables:
        sys.stdout.write(render(renderable) + "\n")


def print_json(output: BaseModel) -> None:
    """Print the published model of a command (`model.output`) to stdout."""
    sys.stdout.write(output.model_dump_json(indent=2) + "\n")


def print_note(text: str) -> None:
    """Print a note to stderr."""
    sys.stderr.write(f"note: {text}\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, wrap: Sequence[str] = ()) -> Table:
    """Return a table without lines, two blanks between its columns.

    Args:
        header: the names of the columns.
        rows: the cells; each row as long as the header.
        wrap: the columns that a narrow terminal folds first. If that is not enough, it folds the others, too.
    """
    from rich.cells import cell_len
    from rich.table import Table

    fixed = [column for column, name in enumerate(header) if name not in wrap]
    widths = [max(cell_len(row[column]) for row in (header, *rows)) for column in fixed]
    fits = sum(widths) + 2 * len(header) + LEAST * (len(header) - len(fixed)) <= console(sys.stdout).width
    result = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in header:
        result.add_column(name, no_wrap=fits and name not in wrap, overflow="fold")
    for row in rows:
        result.add_row(*row)
    return result
