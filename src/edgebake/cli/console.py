"""Where all output of commands passes: text through rich, and JSON from a published model.

Results go to stdout, everything else to stderr. On a terminal text fits its width, and colours obey NO_COLOR.
Through a pipe nothing is cut, wrapped or coloured.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

from edgebake.text.printable import escaped, printable

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console, RenderableType
    from rich.table import Table

Renderable: TypeAlias = "RenderableType"
"""A text, or something else that rich prints."""
UNLIMITED = 100_000
"""Columns of a stream that is no terminal."""
LEAST = 16
"""Columns of foldable text below which a narrow terminal folds other columns, too."""
_ERASE = "\r\x1b[K"


def console(stream: TextIO) -> Console:
    """Return rich's console for a stream: as wide as the terminal, or unlimited where there is none."""
    from rich.console import Console
    from rich.segment import Segment

    class Clean(Console):
        """Prints texts without their control characters; its own colours stay."""

        def render(self, *arguments: Any) -> Iterator[Segment]:
            for segment in super().render(*arguments):
                yield segment if segment.control else Segment(printable(segment.text), segment.style)

    is_terminal = stream.isatty()
    return Clean(
        file=stream,
        width=None if is_terminal else UNLIMITED,
        force_terminal=is_terminal,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        highlight=False,
        markup=False,
        emoji=False,
    )


def render(renderable: Renderable, stream: TextIO | None = None) -> str:
    """Return what is printed for a text or table, without the blanks that rich puts at the ends of lines.

    Plain text stays as it is (the terminal wraps it) and needs no rich, which takes a while to import.
    """
    if isinstance(renderable, str):
        return printable(renderable)
    target = console(stream or sys.stdout)
    with target.capture() as capture:
        target.print(renderable)
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n"))


def print_text(*renderables: Renderable) -> None:
    """Print texts and tables to stdout, each from a line of its own."""
    for renderable in renderables:
        sys.stdout.write(render(renderable) + "\n")


def json_text(output: BaseModel) -> str:
    """Return the published model of a command (`model.output`) as JSON. What is absent is null."""
    return escaped(output.model_dump_json(indent=2, by_alias=True))


def write_text(text: str) -> None:
    """Write a text to stdout as it is, without a line feed at its end."""
    sys.stdout.write(printable(text))


def print_json(output: BaseModel) -> None:
    """Print the published model of a command to stdout."""
    sys.stdout.write(f"{json_text(output)}\n")


def print_result(
    *, as_json: bool, data: Callable[[], BaseModel], text: Callable[[], Renderable | Iterator[Renderable]]
) -> None:
    """Print the result of a command to stdout: its published model, or texts and tables."""
    if as_json:
        print_json(data())
        return
    shown = text()
    print_text(*(shown if isinstance(shown, Iterator) else [shown]))


def print_notes(*texts: str) -> None:
    """Print notes to stderr."""
    print_error(*(f"note: {text}" for text in texts))


def print_error(*texts: str) -> None:
    """Print errors, or other lines that belong to one, to stderr."""
    for text in texts:
        sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()


def table(header: Sequence[str], rows: Iterable[Sequence[Renderable]], *, wrap: Sequence[str] = ()) -> Table:
    """Return a table without lines, two blanks between its columns.

    Args:
        header: the names of the columns.
        rows: the cells; each row as long as the header.
        wrap: the columns that a narrow terminal folds first. If that is not enough, it folds the others, too.
    """
    from rich.cells import cell_len
    from rich.table import Table

    rows = list(rows)
    fixed = [column for column, name in enumerate(header) if name not in wrap]
    widths = [max(cell_len(str(row[column])) for row in (header, *rows)) for column in fixed]
    least = sum(widths) + 2 * len(header) + LEAST * (len(header) - len(fixed))
    fits = least <= console(sys.stdout).width  # a column that may not be folded would be cut
    result = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in header:
        result.add_column(name, no_wrap=fits and name not in wrap, overflow="fold")
    for row in rows:
        result.add_row(*row)
    return result


def columns(rows: Iterable[Sequence[Renderable]], *, indent: int = 0, wrap: int = 1) -> Renderable:
    """Return rows in columns without a header.

    Args:
        rows: the cells; all rows of one length.
        indent: blanks before each line.
        wrap: how many of the columns, from the right, a narrow terminal may fold.
    """
    from rich.padding import Padding
    from rich.table import Table

    result = Table.grid(padding=(0, 2, 0, 0))
    rows = list(rows)
    width = len(rows[0]) if rows else 0
    for number in range(width):
        result.add_column(no_wrap=number < width - wrap, overflow="fold")
    for row in rows:
        result.add_row(*row)
    return Padding.indent(result, indent) if indent else result


class Waiting:
    """Says on stderr what is being waited for, and takes it back in the end; where that is no terminal, nothing.

    Args:
        text: what goes on ("planning what to build").
        shown: say it at all.
    """

    def __init__(self, text: str, *, shown: bool = True) -> None:
        self._text = text
        self._said = False
        self._stream = sys.stderr
        self._shown = shown and self._stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def __enter__(self) -> Waiting:
        if self._shown:
            self._said = True
            self._stream.write(f"{printable(self._text)} …")
            self._stream.flush()
        return self

    def end(self) -> None:
        """Take it back: something else is shown now. A second time does nothing."""
        if self._said:
            self._said = False
            self._stream.write(_ERASE)
            self._stream.flush()

    def report(self, line: str) -> None:
        """Show a line on stderr in its place."""
        self.end()
        print_error(line)

    def __exit__(self, *exception: object) -> None:
        self.end()
