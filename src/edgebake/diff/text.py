"""A difference as a person reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from edgebake.cli.format.reasons import MARK, counted_work, row_text
from edgebake.diff.change import Change, Kind, Where
from edgebake.diff.images import Difference, ImageDiff
from edgebake.diff.locks import LockDifference
from edgebake.plan.builder import Plan
from edgebake.plan.changes import SEVERITY, StageChange
from edgebake.plan.rows import changed_rows
from edgebake.text.table import padded
from edgebake.text.words import counted

_TITLES: dict[Kind, str] = {
    "base": "base image",
    "recipe": "recipes",
    "python": "Python",
    "setting": "settings",
    "tag": "tags",
}
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]+")


def difference_text(found: Difference) -> str:
    """Return how images differ, as text."""
    two_targets = any(one.other_target for one in found.images)
    blocks = ["\n".join(_image_lines(found, one)) for one in found.changed]
    blocks.append("\n".join(_summary(found, two_targets)))
    return "\n\n".join(blocks)


def lock_text(found: LockDifference) -> str:
    """Return how two locks differ, as text."""
    general = [*_section("base images", found.bases), *_section("git refs", found.commits)]
    if found.refresh is not None:
        general += _section("system packages", [found.refresh])
    blocks = ["\n".join(general)] if general else []
    for one in found.changed:
        there = "" if one.before and one.after else "  added" if one.after else "  removed"
        lines = [f"{one.image} · {one.target}{there}"]
        lines += [f"  {line}" for kind in _TITLES for line in _changed_lines(kind, one.changes, ())]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) if blocks else f"{found.before} and {found.after} lock the same."


def _section(title: str, changes: Sequence[Change]) -> list[str]:
    return [title, *(f"  {line}" for line in padded([_row(change, "") for change in changes]))] if changes else []


def _image_lines(found: Difference, one: ImageDiff) -> Iterator[str]:
    target = f"{one.target} → {one.other_target}" if one.other_target else one.target
    platforms = ", ".join(one.platforms)
    if one.old_platforms not in ((), one.platforms):
        platforms = f"{', '.join(one.old_platforms)} → {platforms}"
    yield f"{one.image} · {target} ({platforms})"
    if not (one.before and one.after):
        yield f"  {'added: all of it is built' if one.after else 'removed'}"
        return
    for kind in _TITLES:
        yield from (f"  {line}" for line in _changed_lines(kind, one.changes, one.platforms))
    yield from (f"  {line}" for line in _rebuilt(found, one))


def _changed_lines(kind: Kind, changes: Iterable[Where], platforms: Sequence[str]) -> list[str]:
    """Return the lines of one kind of change; with the platforms where these are not all."""
    rows: Sequence[Sequence[str]] = [
        _row(one.change, "" if one.platforms == tuple(platforms) else ", ".join(one.platforms))
        for one in changes
        if one.change.kind == kind
    ]
    shown = rows if any(row[1] for row in rows) else [(mark, value) for mark, _, value in rows]
    return [_TITLES[kind], *(f"  {line.rstrip()}" for line in padded(shown))] if rows else []


def _row(change: Change, where: str) -> tuple[str, str, str]:
    before, after = (None if text is None else _DIGEST.sub(r"\1…", text) for text in (change.before, change.after))
    mark = "+" if before is None else "-" if after is None else "~"
    value = f"{before or 'any'} → {after or 'any'}" if mark == "~" else before or after or ""
    return mark, change.name, f"{value}  ({where})".strip() if where else value


def _rebuilt(found: Difference, one: ImageDiff) -> Iterator[str]:
    """Yield what is built again, in a plan's words."""
    if not one.stages or one.plan is None or found.plan is None:
        return
    yield "built otherwise" if one.other_target else "built again"
    changed = changed_rows(found.plan, one.plan)
    rows = [(MARK[row.state], row.name, _with_counts(row_text(row), found)) for row in changed]
    width = max((len(name) for _, name, _ in rows), default=0)
    yield from (f"  {mark} {name:<{width}}  {text}" for mark, name, text in rows or [("~", "image", "settings")])


def _with_counts(text: str, found: Difference) -> str:
    """Return a reason with the numbers of lines of the files that it names."""
    for path, count in found.files.items():
        text = re.sub(rf"(file {re.escape(path)})(?=$|[,;]| and )", rf"\1 ({count} lines)", text)
    return text


def _summary(found: Difference, two_targets: bool) -> Iterator[str]:
    changed = found.changed
    what = counted(len(found.images), "image")
    if two_targets:
        yield f"{found.before} → {found.after}: {len(changed)} of {what} {_differ(len(changed))}."
        return
    if not changed:
        yield f"{found.before} → {found.after}: nothing differs in {what}."
        return
    work = counted_work(_once(found.plan, changed)) if found.plan else "nothing"
    work = work.removesuffix(" to build")
    yield f"{found.before} → {found.after}: {len(changed)} of {what} {_differ(len(changed))}; to build: {work}."


def _differ(number: int) -> str:
    return "differs" if number == 1 else "differ"


def _once(plan: Plan, images: Iterable[ImageDiff]) -> list[StageChange]:
    """Return the changes of the images' stages, a stage on several platforms or in several images once."""
    names = {(one.image, one.target) for one in images}
    found: dict[tuple[str, str], StageChange] = {}
    for target in plan.targets:
        if (target.bake_target.image, target.bake_target.target) in names:
            for change in target.changes:
                key = (change.node.target, change.node.id)
                found[key] = max(change, found.get(key, change), key=lambda c: SEVERITY.index(c.state))
    return list(found.values())
