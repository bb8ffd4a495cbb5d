"""Whether a lock still fits its project."""

from __future__ import annotations

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import Compilation
from edgebake.model.lock import LockedPython


def refuse_stale_lock(compilation: Compilation) -> None:
    """Refuse a project whose lock does not fit it.

    Raises:
        EdgebakeError: naming what is stale.
    """
    stale = list(dict.fromkeys(_stale(compilation)))
    if stale:
        raise EdgebakeError(
            "the lock is stale", reason="\n".join(stale[:10]), hints=("bring it up to date: edgebake lock",)
        )


def _stale(compilation: Compilation) -> list[str]:
    lock = compilation.workspace.lock
    if lock is None:
        return ["there is no edgebake.lock"]
    found = []
    for target in compilation.targets.values():
        if "@" not in target.base.image and target.base.image not in lock.bases:
            found.append(f"the base image {target.base.image} is not in it")
    for plan in compilation.plans:
        where = f"{plan.name} on {plan.target.name}"
        refs = (f"{url} {ref} is not in it" for url, ref in plan.git_sources() if lock.commit(url, ref) is None)
        found.extend(refs)
        locked = lock.images.get(plan.name, {}).get(plan.target.name)
        if locked is None:
            found.append(f"{where} is not in it")
            continue
        for platform, resolution in plan.resolutions.items():
            now = {name: pin.release.version for name, pin in resolution.pins.items()}
            if now != locked.releases.get(platform):
                found.append(f"{where} ({platform}): other recipe releases than locked")
            reason = plan.python[platform].reason
            python = locked.python.get(platform, LockedPython(inputs=""))
            if reason and reason != python.reason:
                found.append(f"{where} ({platform}): other Python requirements than locked")
    return found
