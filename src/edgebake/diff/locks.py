"""What differs between two lock files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgebake.diff.change import Change, Facts, Where, by_platforms, changes_of
from edgebake.diff.facts import package_version
from edgebake.model.lock import Lock, LockedImage


@dataclass(frozen=True)
class LockedDiff:
    """An image on one target whose locked releases or packages differ.

    `before`, `after`: whether the lock has it.
    """

    image: str
    target: str
    before: bool
    after: bool
    changes: tuple[Where, ...]

    @property
    def differs(self) -> bool:
        """Whether anything is not as it was."""
        return self.before != self.after or bool(self.changes)


@dataclass(frozen=True)
class LockDifference:
    """Two locks, and how they differ.

    `bases` are digests by image and platform; `commits` what git refs are pinned to; `refresh` counts how often
    unversioned system packages were reinstalled.
    """

    before: str
    after: str
    bases: tuple[Change, ...]
    commits: tuple[Change, ...]
    refresh: Change | None
    images: tuple[LockedDiff, ...]

    @property
    def changed(self) -> list[LockedDiff]:
        """The images that differ."""
        return [image for image in self.images if image.differs]

    @property
    def differs(self) -> bool:
        """Whether anything differs."""
        return bool(self.changed or self.bases or self.commits or self.refresh)


def compare_locks(before_label: str, before: Lock, after_label: str, after: Lock) -> LockDifference:
    """Return how two locks differ."""
    refresh = Change("setting", "refresh", str(before.refresh), str(after.refresh))
    return LockDifference(
        before_label,
        after_label,
        tuple(_named("base", _bases(before), _bases(after))),
        tuple(_named("setting", _commits(before), _commits(after))),
        refresh if before.refresh != after.refresh else None,
        tuple(_images(before, after)),
    )


def _named(kind: str, before: dict[str, str], after: dict[str, str]) -> list[Change]:
    if kind == "base":
        return changes_of({"base": before}, {"base": after})
    return changes_of({"setting": before}, {"setting": after})


def _bases(lock: Lock) -> dict[str, str]:
    found = {}
    for image, base in lock.bases.items():
        found[image] = base.digest or f"not pinned: {base.reason}"
        found |= {f"{image} ({platform})": digest for platform, digest in base.platforms.items()}
    return found


def _commits(lock: Lock) -> dict[str, str]:
    return {f"{one.url} {one.ref}": one.commit for one in lock.git}


def _images(before: Lock, after: Lock) -> Iterable[LockedDiff]:
    keys = {(image, target) for lock in (before, after) for image, own in lock.images.items() for target in own}
    for image, target in sorted(keys):
        old, new = (lock.images.get(image, {}).get(target) for lock in (before, after))
        found: tuple[Where, ...] = ()
        if old is not None and new is not None:
            platforms = sorted({*old.releases, *new.releases})
            found = tuple(by_platforms((p, changes_of(_facts(old, p), _facts(new, p))) for p in platforms))
        yield LockedDiff(image, target, old is not None, new is not None, found)


def _facts(locked: LockedImage, platform: str) -> Facts:
    python = locked.python.get(platform)
    packages = {one.name: package_version(one) for one in python.packages} if python else {}
    settings = {"Python packages": f"not locked: {python.reason}"} if python and python.reason else {}
    releases = {name: "" if text == "0" else text for name, text in locked.releases.get(platform, {}).items()}
    return {"recipe": releases, "python": packages, "setting": settings}
