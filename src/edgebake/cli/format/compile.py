"""What `compile` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgebake.cli.format.files import changes_text
from edgebake.graph.notes import summarised
from edgebake.model.output.build import Compile
from edgebake.model.output.plan import ChangedFile
from edgebake.pipeline import Compiled
from edgebake.render.writer import Change
from edgebake.text.words import counted


def text(compiled: Compiled, changes: Sequence[Change]) -> Iterator[str]:
    """Yield the files that were written, and the size of the compilation."""
    graph = compiled.compilation.graph
    images = sum(not target.is_test for target in graph.bake_targets)
    sizes = f"{counted(images, 'bake target')}, {counted(len(graph), 'stage')}"
    yield from changes_text(changes)
    yield f"{sizes}; {counted(len(changes), 'file')} changed."


def notes(compiled: Compiled) -> Iterator[str]:
    """Yield what is left out, and notes about what is not pinned."""
    yield from (f"left out: {left_out.what}: {left_out.reason}" for left_out in compiled.compilation.left_out)
    yield from (f"note: {note}" for note in summarised(compiled.compilation.notes))


def data(compiled: Compiled, changes: Sequence[Change]) -> Compile:
    """Return the files that were written, or are stale, as published."""
    compilation = compiled.compilation
    return Compile(
        version=1,
        files=[ChangedFile(path=change.path, change=change.kind) for change in changes],
        left_out=compilation.left_out,
        notes=[str(note) for note in compilation.notes],
    )
