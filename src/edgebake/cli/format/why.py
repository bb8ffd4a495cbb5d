"""What `why` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgebake.cli.console import Renderable, columns
from edgebake.errors import Position
from edgebake.inspect.graphs import Step
from edgebake.inspect.release import Choice
from edgebake.inspect.why import Answer
from edgebake.load.words import format_path, format_position
from edgebake.model.output import explore as published
from edgebake.text.words import counted

_SHOWN_RELEASES = 8  # that were not chosen, each with its reason


def text(answers: Sequence[Answer]) -> Iterator[Renderable]:
    """Yield the answers, with an empty line between them."""
    for number, answer in enumerate(answers):
        if number:
            yield ""
        yield from _answer(answer)


def data(answers: Sequence[Answer], name: str) -> published.Why:
    """Return answers about the recipe `name` as published."""
    return published.Why(version=1, recipe=name, answers=[_answer_data(answer) for answer in answers])


# ── text


def _answer(answer: Answer) -> Iterator[Renderable]:
    yield f"{answer.image} · {answer.target} ({', '.join(answer.platforms)})"
    if answer.status == "absent":
        yield f"  {answer.name} is not in the image"
        yield from (f"  {note}" for note in answer.notes)
        return
    if answer.choice is not None:
        yield from _release(answer.name, answer.choice)
    else:
        yield f"  {answer.name} {answer.brought}: no recipe installs it"
    if answer.status == "library":
        yield "  it is not installed: recipes are compiled against it"
    if not answer.path_count:
        yield "  no recipe of the image requires it"
        return
    yield ""
    yield f"  {counted(answer.path_count, 'path')} to it:"
    yield columns([row for path in answer.paths for row in _path(answer.image, path)], indent=2)
    if answer.path_count > len(answer.paths):
        more = counted(answer.path_count - len(answer.paths), "longer path")
        yield f"  … and {more} (--paths 0 shows all)"


def _release(name: str, chosen: Choice) -> Iterator[Renderable]:
    yield f"  {name} {chosen.version}".rstrip() + f": {chosen.why}"
    if chosen.variant:
        yield f"  variant for {chosen.variant}"
    valid = [other.version for other in chosen.others if other.is_valid]
    excluded = [other for other in chosen.others if not other.is_valid]
    if excluded:
        rows = [(f"not {other.version}", other.why) for other in excluded[:_SHOWN_RELEASES]]
        yield columns(rows, indent=4)
    if excluded[_SHOWN_RELEASES:]:
        more = ", ".join(other.version for other in excluded[_SHOWN_RELEASES:])
        yield f"    and not {more} (all reasons: --json)"
    if valid:
        yield f"    also valid: {', '.join(valid)}"


def _path(image: str, path: Sequence[Step]) -> Iterator[tuple[str, str]]:
    yield image, ""
    for depth, step in enumerate(path):
        indent = "   " * depth
        for number, ask in enumerate(step.asks, 1):
            requirement = str(ask.requirement)
            requirement += " (compiled against)" if ask.kind == "library" else ""
            requirement += f" (provided by {step.name})" if ask.name != step.name else ""
            branch = "└─" if number == len(step.asks) else "├─"
            yield f"{indent}{branch} {requirement}", format_position(ask.at)


# ── data


def _answer_data(answer: Answer) -> published.Answer:
    return published.Answer.of(
        answer,
        recipe=answer.name,
        brought=answer.brought or None,
        release=_choice_data(answer.choice) if answer.choice else None,
        paths=[[_step_data(step) for step in path] for path in answer.paths],
    )


def _choice_data(chosen: Choice) -> published.ChosenRelease:
    return published.ChosenRelease.of(chosen, version=chosen.version or None, variant=chosen.variant or None)


def _step_data(step: Step) -> published.PathStep:
    asks = [{"kind": ask.kind, "requirement": str(ask.requirement), "at": _place(ask.at)} for ask in step.asks]
    return published.PathStep(from_=step.parent or None, to=step.name, asks=asks)


def _place(at: Position | None) -> published.FilePosition | None:
    if at is None:
        return None
    return published.FilePosition(file=format_path(at.path), line=at.line or None, column=at.column or None)
