"""What a user should know about a compilation and what is no error: what is not pinned, or not the right build."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from edgebake.dataclasses import dataclass
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.other_builds import OtherBuild
from edgebake.load.workspace import Workspace
from edgebake.model.target import Target
from edgebake.registry.mirrors import unmatched_mirrors

_APART = 3  # this many equal notes are shown one by one
_NOT_LOCKED = "not locked yet (edgebake lock)"


@dataclass(frozen=True)
class Note:
    """What is not pinned or not the right build, of a target or an image on it; or a mirror. `kind`: what it is."""

    target: str
    image: str
    text: str
    kind: Literal["base", "git", "python", "build", "cuda", "mirror"]

    @property
    def about(self) -> str:
        """What it is about, for people."""
        return f"{self.image} on {self.target}" if self.image else self.target or "the project"

    def __str__(self) -> str:
        return f"{self.about}: {self.text}"


def summarised(notes: Iterable[Note]) -> list[str]:
    """Return notes for people: many that say the same are one line."""
    by_text: dict[str, list[Note]] = {}
    for note in notes:
        by_text.setdefault(note.text, []).append(note)
    lines: list[str] = []
    for text, same in by_text.items():
        if len(same) <= _APART:
            lines += map(str, same)
        else:
            shown = ", ".join(note.about for note in same[:_APART])
            lines.append(f"{shown} and {len(same) - _APART} more: {text}")
    return lines


def notes_of(
    workspace: Workspace, plans: Iterable[ImagePlan], targets: Iterable[Target], builds: Iterable[OtherBuild]
) -> tuple[Note, ...]:
    """Return the notes about a compilation, each once."""
    plans = list(plans)
    found = [note for plan in plans for note in (*_python_notes(plan), *_git_notes(workspace, plan))]
    targets = list(targets)
    found += [note for target in targets for note in _base_notes(workspace, target)]
    found += [Note(one.target, one.image, one.text, one.kind) for one in builds]
    found += _mirror_notes(workspace, targets)
    return tuple(dict.fromkeys(found))


def _python_notes(plan: ImagePlan) -> Iterator[Note]:
    reasons: dict[str, list[str]] = {}
    for platform, env in plan.python.items():
        if env.reason:
            reasons.setdefault(env.reason, []).append(platform)
    for reason, platforms in reasons.items():
        where = "" if len(platforms) == len(plan.platforms) else f" ({', '.join(platforms)})"
        yield Note(plan.target.name, plan.name, f"Python packages are not pinned{where}: {reason}", "python")


def _git_notes(workspace: Workspace, plan: ImagePlan) -> Iterator[Note]:
    for url, ref in plan.git_sources():
        if workspace.lock is None or workspace.lock.commit(url, ref) is None:
            yield Note(
                plan.target.name, plan.name, f"{url} is built from whatever {ref!r} names: {_NOT_LOCKED}", "git"
            )


def _base_notes(workspace: Workspace, target: Target) -> Iterator[Note]:
    image = target.base.image
    base = workspace.lock.bases.get(image) if workspace.lock else None
    if "@sha256:" not in image and not (base and base.digest):
        reason = base.reason if base and base.reason else _NOT_LOCKED
        yield Note(target.name, "", f"the base image {image} is not pinned: {reason}", "base")


def _mirror_notes(workspace: Workspace, targets: Iterable[Target]) -> Iterator[Note]:
    """Yield the project's mirrors that no base image comes from; an ad-hoc image need not use them."""
    if workspace.document is None or not workspace.project.mirrors:
        return
    images = [image for target in targets for image in (target.base.image, target.base.native) if image]
    for name in unmatched_mirrors(workspace.project.mirrors, images):
        yield Note("", "", f"the mirror of {name} is not used: no base image comes from there", "mirror")
