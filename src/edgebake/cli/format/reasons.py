"""Why stages are built, in words. Used where a plan, a difference or a graph is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from edgebake.graph.node import Kind, StageKey
from edgebake.plan.changes import SEVERITY, Cause, Reason, StageChange, State, reasons
from edgebake.plan.reuse import Given
from edgebake.plan.rows import ReusedPart, Row
from edgebake.text.words import counted, listed

MARK: dict[State, str] = {"new": "+", "direct": "~", "indirect": "~", "moved": "~", "same": "="}
_MAX_CAUSES = 4
_WORK: dict[Kind, str] = {"build": "build", "fetch": "download wheels", "install": "install"}
_LEFT: dict[Kind, str] = {"build": "artifact", "fetch": "wheels", "install": "stage"}
_COUNTED: dict[Kind, str] = {
    "build": "build stage",
    "fetch": "wheel download",
    "install": "install stage",
    "image": "image",
}
_CAUSES = {
    "wheelhouse": "your own wheels",
    "base image": "another image or digest",
    "image": "runtime settings",
    "python packages": "Python packages",
    "python constraints": "Python constraints",
    "variables": "variables of its script",
}
"""The names of inputs that are named after code."""


def row_text(row: Row) -> str:
    """Return what is done with a part of an image, and why."""
    match row.kind:
        case "base":
            why = "" if row.state in ("same", "new") else f"  {reasons_text(row.reasons)}"
            return f"{_short_digest(row.details[0])}{why}"
        case "tools":
            why = "" if row.state == "same" else f"  {reasons_text(row.reasons)}"
            return f"{', '.join(row.details) or 'none'}{why}"
        case "library":
            text = "up to date" if row.state == "same" else f"build  {reasons_text(row.reasons)}"
            return f"{text}; only compiled against"
        case "image":
            return "up to date" if row.state == "same" else ", ".join(row.details)
        case "provided":
            return row.details[0]
    return _recipe_text(row)


def _recipe_text(row: Row) -> str:
    if row.taken is not None:
        references = ", ".join(_short(given) for given in row.taken)
        return f"reused  {references}" if references else "reused  as a part of another shared stage"
    reused = [f"{_LEFT[part.kind]} reused{_where(part)}" for part in row.reused]
    if row.state == "same":
        return "; ".join(["up to date", *reused])
    why = reasons_text(row.reasons)
    moved = all(reason.state in ("moved", "same") for reason in row.reasons)  # which says that it is installed
    work = why if moved else f"{', '.join(_WORK[kind] for kind in row.work)}  {why}"
    return "; ".join([work, *(f"{_LEFT[kind]} up to date" for kind in row.kept), *reused])


def _where(part: ReusedPart) -> str:
    return f" ({', '.join(part.platforms)})" if part.platforms else ""


def _short_digest(reference: str) -> str:
    repository, at, digest = reference.partition("@sha256:")
    return f"{repository}{at}{digest[:12]}…" if digest else reference


def _short(given: Given) -> str:
    """Return a reference for people: the key's beginning names the target, a digest's beginning is enough."""
    repository, _, digest = given.reference.partition("@")
    key, _, fingerprint = given.stage.key.rpartition("-")
    return f"{repository}:{key}-{fingerprint[:8]}…@{digest[:19]}…"


# ── reasons


def reasons_text(reasons: Sequence[Reason]) -> str:
    """Return reasons as prose; with their platforms where these differ."""
    if len(reasons) == 1:
        return _reason(reasons[0])
    return "; ".join(f"{_reason(one)} ({', '.join(one.platforms)})" for one in reasons if one.state != "same")


def change_text(change: StageChange) -> str:
    """Return why a stage is built or not."""
    return reasons_text(reasons([change]))


def _reason(reason: Reason) -> str:
    causes = _causes(reason.causes)
    match reason.state:
        case "same":
            return "up to date"
        case "new":
            return "new"
        case "direct":
            return f"changed: {listed(causes)}"
        case "indirect":
            return f"because {listed(causes)} changed"
        case "moved":
            return f"reinstalled: it comes after {listed(causes)}, which changed" if causes else _GONE


_GONE = "reinstalled: a recipe before it was removed"


def _causes(causes: Sequence[Cause]) -> list[str]:
    names = [f"{_CAUSES.get(one.what, one.what)}{f' of {one.recipe}' if one.recipe else ''}" for one in causes]
    names = list(dict.fromkeys(names))
    more = len(names) - _MAX_CAUSES
    return [*names[:_MAX_CAUSES], f"{more} more"] if more > 0 else names


def stages_once(changes: Iterable[StageChange]) -> list[StageChange]:
    """Return a change for each stage: the most severe of those on several platforms or in several images."""
    stages: dict[StageKey, StageChange] = {}
    for change in changes:
        other = stages.get(change.node.key, change)
        stages[change.node.key] = max(change, other, key=lambda one: SEVERITY.index(one.state))
    return list(stages.values())


def counted_work(changes: Iterable[StageChange]) -> str:
    """Return how many build stages, wheel downloads, install stages and images are built."""
    built = Counter(change.node.kind for change in changes if change.state != "same")
    parts = [counted(built[kind], word) for kind, word in _COUNTED.items() if built[kind]]
    return ", ".join(parts) or "nothing to build"
