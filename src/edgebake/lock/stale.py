"""Checks whether a lock fits its project."""

from __future__ import annotations

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import Compilation
from edgebake.model.lock import LockedPython


def refuse_stale_lock(compilation: Compilation) -> None:
    """Refuse a project whose lock does not fit it.

    Raises:
        EdgebakeError: the lock is stale; the reason lists what differs.
    """
    stale = list(dict.fromkeys(_stale(compilation)))
    if stale:
        raise EdgebakeError("the lock is stale", reason="\n".join(stale[:10]), hints=("update it: edgebake lock",))


def _stale(compilation: Compilation) -> list[str]:
    lock = compilation.workspace.lock
    if lock is None:
        return ["edgebake.lock not found"]
    differences = []
    for target in compilation.targets.values():
        if "@" not in target.base.image and target.base.image not in lock.bases:
            differences.append(f"the base image {target.base.image} is not in the lock")
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
