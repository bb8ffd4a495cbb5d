"""What `diff` prints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from edgebake.cli.console import Renderable, columns
from edgebake.cli.format.reasons import MARK, counted_work, row_text, stages_once
from edgebake.diff.facts import KINDS, Change, Kind, Where
from edgebake.diff.images import Difference, ImageDiff
from edgebake.diff.locks import LockDifference
from edgebake.model.output import diff as published
from edgebake.plan.builder import Plan
from edgebake.plan.changes import StageChange
from edgebake.plan.rows import changed_rows
from edgebake.plan.target_plan import TargetPlan
from edgebake.text.words import counted

_KEYS: dict[Kind, str] = {
    "base": "base",
    "recipe": "recipes",
    "python": "python",
    "setting": "settings",
    "tag": "tags",
}
"""Of the published model."""
_TITLES = {**_KEYS, "base": "base image", "python": "Python"}
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]+")
_FILE = "file "
"""What a cause begins with that is a file."""


def text(difference: Difference | LockDifference) -> Iterator[Renderable]:
    """Yield how images or locks differ, with empty lines between images."""
    if isinstance(difference, LockDifference):
        yield from _lock(difference)
        return
    for image in difference.changed:
        yield from _image(difference, image)
        yield ""
    yield _summary(difference)


def data(difference: Difference | LockDifference) -> published.Diff:
    """Return how images or locks differ, as published."""
    if isinstance(difference, LockDifference):
        return _lock_data(difference)
    return published.Diff(
        version=1,
        before=difference.before,
        after=difference.after,
        images=[_image_data(image) for image in difference.changed],
        same=[image for image in difference.images if not image.differs],
        files=difference.files,
    )


# ── images as text


def _image(difference: Difference, image: ImageDiff) -> Iterator[Renderable]:
    target = f"{image.target} → {image.other_target}" if image.other_target else image.target
    platforms = ", ".join(image.platforms)
    if image.old_platforms not in ((), image.platforms):
        platforms = f"{', '.join(image.old_platforms)} → {platforms}"
    yield f"{image.image} · {target} ({platforms})"
    if not (image.before and image.after):
        yield f"  {'added: all of it is built' if image.after else 'removed'}"
        return
    for kind in KINDS:
        yield from _changes(kind, image.changes, image.platforms)
    yield from _rebuilt(difference, image)


def _changes(kind: Kind, changes: Iterable[Where], platforms: Sequence[str]) -> Iterator[Renderable]:
    """Yield the changes of one kind; with the platforms where these are not all."""
    rows = [
        _row(where.change, "" if where.platforms == tuple(platforms) else ", ".join(where.platforms))
        for where in changes
        if where.change.kind == kind
    ]
    if rows:
        yield f"  {_TITLES[kind]}"
        yield _rows(rows, indent=4)


def _rows(rows: Sequence[tuple[str, str, str]], *, indent: int) -> Renderable:
    """Return marks, names and values in columns; without names, each value follows its mark."""
    if any(name for _, name, _ in rows):
        return columns([(f"{mark} {name}", value) for mark, name, value in rows], indent=indent)
    return columns([(f"{mark} {value}",) for mark, _, value in rows], indent=indent)


def _row(change: Change, platforms: str) -> tuple[str, str, str]:
    """Return the mark, the name and the values of a change."""
    before, after = (None if v is None else _DIGEST.sub(r"\1…", v) for v in (change.before, change.after))
    mark = "+" if before is None else "-" if after is None else "~"
    value = f"{before or 'any'} → {after or 'any'}" if mark == "~" else before or after or ""
    return mark, change.name, f"{value}  ({platforms})".strip() if platforms else value


def _rebuilt(difference: Difference, image: ImageDiff) -> Iterator[Renderable]:
    """Yield what is built again, in a plan's words."""
    if not image.stages or image.plan is None or difference.plan is None:
        return
    yield f"  {'built differently' if image.other_target else 'rebuilt'}"
    changed = changed_rows(difference.plan, _with_line_counts(image.plan, difference.files))
    rows = [(MARK[row.state], row.name, row_text(row)) for row in changed]
    yield _rows(rows or [("~", "image", "settings")], indent=4)


def _with_line_counts(plan: TargetPlan, files: Mapping[str, str]) -> TargetPlan:
    """Return a plan whose causes that are text files have the numbers of added and removed lines."""

    def counted_lines(cause: str) -> str:
        lines = files.get(cause.removeprefix(_FILE)) if cause.startswith(_FILE) else None
        return f"{cause} ({lines} lines)" if lines else cause

    changes = [replace(change, causes=tuple(map(counted_lines, change.causes))) for change in plan.changes]
    return replace(plan, changes=tuple(changes))


def _summary(difference: Difference) -> str:
    sides = f"{difference.before} → {difference.after}"
    changed, images = difference.changed, counted(len(difference.images), "image")
    differ = f"{len(changed)} of {images} {'differs' if len(changed) == 1 else 'differ'}"
    if any(image.other_target for image in difference.images):
        return f"{sides}: {differ}."
    if not changed:
        return f"{sides}: nothing differs in {images}."
    work = counted_work(_stages_once(difference.plan, changed)) if difference.plan else "nothing"
    return f"{sides}: {differ}; to build: {work.removesuffix(' to build')}."


def _stages_once(plan: Plan, images: Iterable[ImageDiff]) -> list[StageChange]:
    """Return the changes of the images' stages, each stage once."""
    names = {(image.image, image.target) for image in images}
    targets = [target for target in plan.targets if (target.bake_target.image, target.bake_target.target) in names]
    return stages_once(change for target in targets for change in target.changes)


# ── locks as text


def _lock(difference: LockDifference) -> Iterator[Renderable]:
    if not difference.differs:
        yield f"{difference.before} and {difference.after} have the same pins."
        return
    refresh = [difference.refresh] if difference.refresh else []
    sections = {"base images": difference.bases, "git refs": difference.commits, "system packages": refresh}
    general = {title: changes for title, changes in sections.items() if changes}
    for title, changes in general.items():
        yield title
        yield _rows([_row(change, "") for change in changes], indent=2)
    for number, image in enumerate(difference.changed):
        if number or general:
            yield ""
        kind = _kind(image)
        yield f"{image.image} · {image.target}" + ("" if kind == "changed" else f"  {kind}")
        for name in KINDS:
            yield from _changes(name, image.changes, ())


# ── data


def _image_data(image: ImageDiff) -> published.ImageDiff:
    return published.ImageDiff.of(
        image,
        other_target=image.other_target or None,
        old_platforms=image.old_platforms or image.platforms,
        change=_kind(image),
        stages=[_stage_data(image, stage) for stage in image.stages],
        **_changes_data(image.changes),
    )


def _lock_data(difference: LockDifference) -> published.Diff:
    return published.Diff.of(
        difference,
        version=1,
        images=[_locked_data(image) for image in difference.changed],
        git=difference.commits,
    )


def _locked_data(image: ImageDiff) -> published.ImageDiff:
    kind, changes = _kind(image), _changes_data(image.changes)
    return published.ImageDiff(image=image.image, target=image.target, change=kind, **changes)


def _kind(image: ImageDiff) -> Literal["added", "removed", "changed"]:
    return "changed" if image.before and image.after else "added" if image.after else "removed"


def _changes_data(changes: Iterable[Where]) -> dict[str, list[published.ImageChange]]:
    found: dict[str, list[published.ImageChange]] = {_KEYS[kind]: [] for kind in KINDS}
    for where in changes:
        change = published.ImageChange.of(where.change, platforms=where.platforms)
        found[_KEYS[where.change.kind]].append(change)
    return found


def _stage_data(image: ImageDiff, stage: StageChange) -> published.ChangedStage:
    return published.ChangedStage.of(
        stage,
        kind=stage.node.kind,
        recipe=stage.node.recipe,
        before=image.old.get((stage.platform, stage.key)),
        after=stage.fingerprint.digest,
    )
