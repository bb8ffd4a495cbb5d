"""Checks whether a lock fits its project, and pins everything."""

from __future__ import annotations

from collections.abc import Iterator

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import Compilation
from edgebake.model.lock import Lock, LockedPython

_SHOWN = 10


def refuse_stale_lock(compilation: Compilation) -> None:
    """Refuse a project whose lock does not fit it, or does not pin everything.

    Raises:
        EdgebakeError: the lock is stale, or has something unpinned; the reason lists what.
    """
    stale = list(dict.fromkeys(_stale(compilation)))
    if stale:
        raise EdgebakeError("the lock is stale", reason=_shown(stale), hints=("update it: edgebake lock",))
    unpinned = list(dict.fromkeys(_unpinned(compilation)))
    if unpinned:
        hint = "pin it where the network is there: edgebake lock"
        raise EdgebakeError("the lock does not pin everything", reason=_shown(unpinned), hints=(hint,))


def _shown(lines: list[str]) -> str:
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join([*lines[:_SHOWN], *more])


def _unpinned(compilation: Compilation) -> Iterator[str]:
    lock = compilation.workspace.lock or Lock()
    for target in compilation.targets.values():
        for image in filter(None, (target.base.image, target.base.native)):
            if "@" not in image and not lock.digest(image):
                reason = lock.bases[image].reason if image in lock.bases else None
                yield f"the base image {image}: {reason or 'not locked yet'}"
    for plan in compilation.plans:
        for platform, env in plan.python.items():
            if env.reason:
                yield f"Python packages of {plan.name} on {plan.target.name} ({platform}): {env.reason}"


def _stale(compilation: Compilation) -> list[str]:
    lock = compilation.workspace.lock
    if lock is None:
        return ["edgebake.lock not found"]
    differences = []
    for target in compilation.targets.values():
        for image in filter(None, (target.base.image, target.base.native)):
            if "@" not in image and image not in lock.bases:
                differences.append(f"the base image {image} is not in the lock")
    for plan in compilation.plans:
        image = f"{plan.name} on {plan.target.name}"
        sources = plan.git_sources()
        differences += [f"{url} {ref} is not in the lock" for url, ref in sources if not lock.commit(url, ref)]
        locked = lock.images.get(plan.name, {}).get(plan.target.name)
        if locked is None:
            differences.append(f"{image} is not in the lock")
            continue
        for platform, resolution in plan.resolutions.items():
            releases = {name: pin.release.version for name, pin in resolution.pins.items()}
            if releases != locked.releases.get(platform):
                differences.append(f"{image} ({platform}): the recipe releases differ from the lock")
            reason = plan.python[platform].reason
            python = locked.python.get(platform, LockedPython(inputs=""))
            if reason and reason != python.reason:
                differences.append(f"{image} ({platform}): the Python requirements differ from the lock")
    return differences
