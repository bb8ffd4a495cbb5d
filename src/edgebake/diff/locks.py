"""What differs between two lock files."""

from __future__ import annotations

from collections.abc import Iterable

from edgebake.dataclasses import dataclass
from edgebake.diff.facts import Change, Facts, Where, by_platforms, changes_of, package_version
from edgebake.diff.images import ImageDiff
from edgebake.model.lock import Lock, LockedImage


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
    images: tuple[ImageDiff, ...]

    @property
    def changed(self) -> list[ImageDiff]:
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
        tuple(changes_of({"base": _bases(before)}, {"base": _bases(after)})),
        tuple(changes_of({"setting": _commits(before)}, {"setting": _commits(after)})),
        refresh if before.refresh != after.refresh else None,
        tuple(_images(before, after)),
    )


def _bases(lock: Lock) -> dict[str, str]:
    found = {}
    for image, base in lock.bases.items():
        found[image] = base.digest or f"not pinned: {base.reason}"
        found |= {f"{image} ({platform})": digest for platform, digest in base.platforms.items()}
    return found


def _commits(lock: Lock) -> dict[str, str]:
    return {f"{one.url} {one.ref}": one.commit for one in lock.git}


def _images(before: Lock, after: Lock) -> Iterable[ImageDiff]:
    keys = {(image, target) for lock in (before, after) for image, own in lock.images.items() for target in own}
    for image, target in sorted(keys):
        old, new = (lock.images.get(image, {}).get(target) for lock in (before, after))
        found: tuple[Where, ...] = ()
        if old is not None and new is not None:
            platforms = sorted({*old.releases, *new.releases})
            found = tuple(by_platforms((p, changes_of(_facts(old, p), _facts(new, p))) for p in platforms))
        yield ImageDiff(image, target, (), old is not None, new is not None, changes=found)


def _facts(locked: LockedImage, platform: str) -> Facts:
    python = locked.python.get(platform)
    packages = {one.name: package_version(one) for one in python.packages} if python else {}
    settings = {"Python packages": f"not locked: {python.reason}"} if python and python.reason else {}
    releases = {name: "" if text == "0" else text for name, text in locked.releases.get(platform, {}).items()}
    return {"recipe": releases, "python": packages, "setting": settings}
