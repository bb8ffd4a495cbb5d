"""A difference as JSON (docs/diff.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edgebake.diff.change import KINDS, Change, Where
from edgebake.diff.images import Difference, ImageDiff
from edgebake.diff.locks import LockDifference
from edgebake.plan.changes import StageChange


def difference_as_data(found: Difference) -> dict[str, Any]:
    """Return how images differ as `diff --json` prints it."""
    return {
        "version": 1,
        "before": found.before,
        "after": found.after,
        "images": [_image(one) for one in found.changed],
        "same": [{"image": one.image, "target": one.target} for one in found.images if not one.differs],
        "files": dict(found.files),
    }


def lock_as_data(found: LockDifference) -> dict[str, Any]:
    """Return how two locks differ as `diff --json` prints it."""
    return {
        "version": 1,
        "before": found.before,
        "after": found.after,
        "bases": [_change(one) for one in found.bases],
        "git": [_change(one) for one in found.commits],
        "refresh": _change(found.refresh) if found.refresh else None,
        "images": [
            {
                "image": one.image,
                "target": one.target,
                "change": _kind(one.before, one.after),
                **_by_kind(one.changes),
            }
            for one in found.changed
        ],
    }


def _image(one: ImageDiff) -> dict[str, Any]:
    return {
        "image": one.image,
        "target": one.target,
        "other_target": one.other_target or None,
        "platforms": list(one.platforms),
        "old_platforms": list(one.old_platforms or one.platforms),
        "change": _kind(one.before, one.after),
        **_by_kind(one.changes),
        "stages": [_stage(one, stage) for stage in one.stages],
    }


def _kind(before: bool, after: bool) -> str:
    return "changed" if before and after else "added" if after else "removed"


def _by_kind(changes: Iterable[Where]) -> dict[str, Any]:
    keys = {"base": "base", "recipe": "recipes", "python": "python", "setting": "settings", "tag": "tags"}
    found: dict[str, list[dict[str, Any]]] = {keys[kind]: [] for kind in KINDS}
    for one in changes:
        found[keys[one.change.kind]].append({**_change(one.change), "platforms": list(one.platforms)})
    return found


def _change(change: Change) -> dict[str, Any]:
    return {"name": change.name, "before": change.before, "after": change.after}


def _stage(one: ImageDiff, stage: StageChange) -> dict[str, Any]:
    return {
        "name": stage.name,
        "kind": stage.node.kind,
        "recipe": stage.node.recipe,
        "platform": stage.platform,
        "state": stage.state,
        "causes": list(stage.causes),
        "before": one.old.get((stage.platform, stage.key)),
        "after": stage.fingerprint.digest,
    }
