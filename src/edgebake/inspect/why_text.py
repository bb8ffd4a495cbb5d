"""Why a recipe is in an image, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgebake.inspect.release import Choice
from edgebake.inspect.requirements import Step
from edgebake.inspect.why import Answer
from edgebake.load.words import told_position
from edgebake.text.table import padded
from edgebake.text.words import counted

_MOST_OTHERS = 8
"""Releases that were not taken, told one by one."""


def why_text(found: Sequence[Answer]) -> str:
    """Return answers as text, a paragraph each."""
    return "\n\n".join("\n".join(_answer(one)) for one in found)


def _answer(one: Answer) -> Iterator[str]:
    yield f"{one.image} · {one.target} ({', '.join(one.platforms)})"
    if one.status == "absent":
        yield f"  {one.name} is not in the image"
        yield from (f"  {note}" for note in one.notes)
        return
    if one.choice is not None:
        yield from _release(one.name, one.choice)
    else:
        yield f"  {one.name} {one.brought}: no recipe installs it"
    if one.status == "library":
        yield "  it is not installed: recipes are compiled against it"
    if not one.path_count:
        yield "  no recipe of the image asks for it"
        return
    yield ""
    yield f"  {counted(one.path_count, 'path')} to it:"
    yield from _paths(one)


def _release(name: str, chosen: Choice) -> Iterator[str]:
    yield f"  {name} {chosen.version}".rstrip() + f": {chosen.why}"
    if chosen.variant:
        yield f"  variant for {chosen.variant}"
    later = [one for one in chosen.others if one.kind == "order" and one.why.startswith("valid")]
    told = [one for one in chosen.others if one not in later]
    rows = [(f"    not {one.version}", one.why) for one in told[:_MOST_OTHERS]]
    yield from (line.rstrip() for line in padded(rows))
    if told[_MOST_OTHERS:]:
        yield f"    and not {', '.join(one.version for one in told[_MOST_OTHERS:])} (all reasons: --json)"
    if later:
        yield f"    also valid: {', '.join(one.version for one in later)}"


def _paths(one: Answer) -> Iterator[str]:
    rows = [row for path in one.paths for row in _path(one.image, path)]
    yield from (f"  {line}".rstrip() for line in padded(rows))
    if one.path_count > len(one.paths):
        yield f"  … and {counted(one.path_count - len(one.paths), 'longer path')} (--paths 0 shows all)"


def _path(image: str, path: Sequence[Step]) -> Iterator[tuple[str, str]]:
    yield image, ""
    for depth, step in enumerate(path):
        indent = "   " * depth
        for number, ask in enumerate(step.asks, 1):
            text = str(ask.requirement)
            text += " (compiled against)" if ask.kind == "library" else ""
            text += f" (provided by {step.name})" if ask.name != step.name else ""
            branch = "└─" if number == len(step.asks) else "├─"
            yield f"{indent}{branch} {text}", told_position(ask.at)
