"""Makes the lock of a workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edgebake.errors import EdgebakeError, ErrorGroup, did_you_mean
from edgebake.graph.compile import compile_workspace, plan_images
from edgebake.graph.image_plan import ImagePlan
from edgebake.interrupt import raise_interrupt
from edgebake.load.workspace import Workspace
from edgebake.lock.python_packages import lock_python
from edgebake.lock.sources import lock_base, lock_commit
from edgebake.model.lock import Lock, LockedBase, LockedGit, LockedImage, LockedPackage, LockedPython
from edgebake.state.bases import lacking
from edgebake.text.words import counted

Report = Callable[[str], None]


def make_lock(
    workspace: Workspace,
    *,
    upgrade: Sequence[str] = (),
    refresh: bool = False,
    mirrors: Mapping[str, str] | None = None,
    ca_bundle: Path | None = None,
    report: Report = lambda line: None,
) -> Lock:
    """Resolve everything that a compilation may take as given.

    What the present lock has is kept where it still fits.

    Args:
        workspace: the project, with its present lock.
        upgrade: recipes, Python packages, base images or git URLs to resolve anew; "*" for everything.
        refresh: have unversioned system packages installed anew.
        mirrors: where repositories are fetched instead.
        ca_bundle: certificates to trust.
        report: is told each step.

    Raises:
        EdgebakeError: a conflict, or a name to upgrade that the lock does not have.
    """
    raise_interrupt()
    old = workspace.lock or Lock()
    _refuse_unknown(old, upgrade)
    kept = _without(old, set(upgrade))
    fresh = replace(workspace, lock=kept)
    plans = plan_images(fresh)
    all_mirrors = {**workspace.project.mirrors, **(mirrors or {})}
    bases = {image: _base(image, kept, all_mirrors, report) for image in _base_images(plans)}
    _refuse_lacking_bases(workspace, plans, bases)
    wheelhouse = workspace.root / workspace.project.wheelhouse if workspace.project.wheelhouse else None
    images: dict[str, dict[str, LockedImage]] = {}
    for plan in sorted(plans, key=lambda plan: (plan.name, plan.target.name)):
        images.setdefault(plan.name, {})[plan.target.name] = _image(
            plan, kept, images, wheelhouse, ca_bundle, report
        )
    lock = Lock(
        refresh=old.refresh + refresh,
        bases=dict(sorted(bases.items())),
        git=_git(plans, kept, report),
        images=images,
    )
    compile_workspace(replace(workspace, lock=lock))  # a lock that cannot be compiled from is never written
    return lock


def render_lock(lock: Lock) -> bytes:
    """Return the lock file's bytes."""
    return (lock.model_dump_json(indent=1, exclude_defaults=True, exclude_none=True) + "\n").encode()


def _refuse_unknown(lock: Lock, upgrade: Sequence[str]) -> None:
    known = set(lock.bases) | {git.url for git in lock.git} | {"*"}
    for targets in lock.images.values():
        for image in targets.values():
            known.update(*image.releases.values(), *(python.packages for python in image.python.values()))
    for name in upgrade:
        if name not in known:
            raise EdgebakeError(f"the lock has no {name!r}", hints=did_you_mean(name, known, kind="name"))


def _without(lock: Lock, upgrade: set[str]) -> Lock:
    """Return the lock without what is to be resolved anew."""
    if "*" in upgrade:
        return Lock(refresh=lock.refresh)
    images = {
        name: {target: _image_without(image, upgrade) for target, image in targets.items()}
        for name, targets in lock.images.items()
    }
    bases = {image: base for image, base in lock.bases.items() if image not in upgrade}
    git = tuple(one for one in lock.git if one.url not in upgrade)
    return lock.model_copy(update={"images": images, "bases": bases, "git": git})


def _image_without(image: LockedImage, upgrade: set[str]) -> LockedImage:
    releases = {p: {n: v for n, v in pins.items() if n not in upgrade} for p, pins in image.releases.items()}
    python = {p: _python_without(locked, upgrade) for p, locked in image.python.items()}
    return LockedImage(releases=releases, python=python)


def _python_without(locked: LockedPython, upgrade: set[str]) -> LockedPython:
    if not upgrade & set(locked.packages):
        return locked
    packages = {name: package for name, package in locked.packages.items() if name not in upgrade}
    return LockedPython(inputs="", packages=packages)


def _base_images(plans: Iterable[ImagePlan]) -> list[str]:
    bases = {image for plan in plans for image in (plan.target.base.image, plan.target.base.native) if image}
    return sorted(image for image in bases if "@" not in image)


def _base(image: str, kept: Lock, mirrors: Mapping[str, str], report: Report) -> LockedBase:
    known = kept.bases.get(image)
    if known is not None and known.digest is not None:
        return known
    base = lock_base(image, mirrors)
    report(f"{image}: {base.digest or 'not pinned: ' + str(base.reason)}")
    return base


def _refuse_lacking_bases(
    workspace: Workspace, plans: Iterable[ImagePlan], bases: Mapping[str, LockedBase]
) -> None:
    """Refuse a target whose base image lacks a platform that its images are for."""
    targets = {plan.target.name: plan.target for plan in plans}
    errors = []
    for name, target in sorted(targets.items()):
        base = bases.get(target.base.image)
        if base is not None and base.digest:
            wanted = {platform for plan in plans if plan.target.name == name for platform in plan.platforms}
            errors += lacking(workspace, target, wanted, base.platforms)
    if errors:
        raise ErrorGroup(errors)


def _git(plans: Iterable[ImagePlan], kept: Lock, report: Report) -> tuple[LockedGit, ...]:
    locked = []
    for url, ref in sorted({source for plan in plans for source in plan.git_sources()}):
        commit = kept.commit(url, ref) or lock_commit(url, ref)
        report(f"{url} {ref}: {commit or 'not pinned: its server does not say'}")
        if commit:
            locked.append(LockedGit(url=url, ref=ref, commit=commit))
    return tuple(locked)


def _image(
    plan: ImagePlan,
    kept: Lock,
    done: Mapping[str, Mapping[str, LockedImage]],
    wheelhouse: Path | None,
    ca_bundle: Path | None,
    report: Report,
) -> LockedImage:
    known = kept.images.get(plan.name, {}).get(plan.target.name)
    releases = {
        platform: {name: pin.release.version for name, pin in sorted(resolution.pins.items())}
        for platform, resolution in plan.resolutions.items()
    }
    python = {}
    for platform in plan.platforms:
        line = plan.views_on(platform)
        if not any(view.pip for view in line):
            continue
        present = known.python.get(platform) if known else None
        env = plan.python[platform]
        if present is not None and env.locked:
            python[platform] = present
            continue
        preferred = _preferred(plan, platform, present, done)
        python[platform] = lock_python(line, platform, preferred, wheelhouse=wheelhouse, ca_bundle=ca_bundle)
        report(f"{plan.name} on {plan.target.name} ({platform}): {_told(python[platform])}")
    return LockedImage(releases=releases, python=python)


def _told(locked: LockedPython) -> str:
    if locked.reason:
        return f"Python packages not pinned: {locked.reason}"
    return counted(len(locked.packages), "Python package")


def _preferred(
    plan: ImagePlan, platform: str, present: LockedPython | None, done: Mapping[str, Mapping[str, LockedImage]]
) -> Mapping[str, LockedPackage]:
    """Return what to keep: the image's own present packages, else those of the target's other images.

    Images that agree on their packages share their stages.
    """
    preferred: dict[str, LockedPackage] = {}
    for targets in done.values():
        other = targets.get(plan.target.name)
        if other is not None and platform in other.python:
            preferred = {**other.python[platform].packages, **preferred}
    return {**preferred, **(present.packages if present else {})}
