"""What `compat` prints; `compatibility.page` has the page for the documentation."""

from __future__ import annotations

from collections.abc import Sequence

from edgebake.cli.console import Renderable, table
from edgebake.compatibility.check import supported_sm
from edgebake.compatibility.data import Entry
from edgebake.model.output.lint import Compat, CompatRow

_HEADER = ("FRAMEWORK", "TARGET", "RELEASES", "CUDA", "CUDNN", "PYTHON", "JETPACK", "SM", "FROM, OR WHY NONE")


def text(entries: Sequence[Entry]) -> Renderable:
    """Return what runs on each target as a table; where there is no build, the reason."""
    return table(_HEADER, [_cells(entry) for entry in entries], wrap=("RELEASES", "SM", _HEADER[-1]))


def data(entries: Sequence[Entry]) -> Compat:
    """Return what runs on each target, as published."""
    return Compat(version=1, rows=[_row(entry) for entry in entries])


def _cells(entry: Entry) -> tuple[str, ...]:
    row, target = entry.row, entry.target
    everywhere = entry.platforms == target.platforms
    return (
        entry.framework,
        target.name if everywhere else f"{target.name} ({', '.join(entry.platforms)})",
        ", ".join(row.releases) or "none",
        target.cuda or "-",
        row.cudnn or "-",
        target.python or "-",
        target.jetpack or "-",
        ", ".join(_sm(entry)) or "-",
        row.absent or row.origin or "",
    )


def _sm(entry: Entry) -> tuple[str, ...]:
    """Return the GPUs of the target that a build has code for; all of them if its sources do not say."""
    sm, known = entry.row.sm, entry.target.sm
    return supported_sm(sm, known) if sm else known


def _row(entry: Entry) -> CompatRow:
    row, target = entry.row, entry.target
    return CompatRow.of(
        row,
        framework=entry.framework,
        target=target.name,
        platforms=entry.platforms,
        cuda=target.cuda,
        python=target.python,
        jetpack=target.jetpack,
        sm=_sm(entry),
    )
