"""Creates the lock of a workspace."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edgebake.errors import EdgebakeError, ErrorGroup, did_you_mean
from edgebake.graph.compile import compile_workspace, plan_images
from edgebake.graph.image_plan import ImagePlan
from edgebake.interrupt import raise_interrupt
from edgebake.load.workspace import Workspace
from edgebake.lock.git_login import git_login
from edgebake.lock.python_packages import lock_python
from edgebake.lock.sources import lock_base
from edgebake.model.lock import Lock, LockedBase, LockedGit, LockedImage, LockedPackage, LockedPython
from edgebake.registry.client import RegistryClient
from edgebake.registry.mirrors import merged_mirrors
from edgebake.state.bases import lacking
from edgebake.system.git import remote_commit
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
    """Resolve everything that compiling needs from the network. Entries of the present lock are kept if they fit.

    Args:
        workspace: the project, with its present lock.
        upgrade: recipes, Python packages, base images or git URLs to resolve again; "*" for everything.
        refresh: whether to reinstall unversioned system packages.
        mirrors: mirrors of repositories, in addition to the project's.
        ca_bundle: certificates to trust.
        report: called with a line for each step.

    Raises:
        EdgebakeError: a conflict, or a name in `upgrade` that is not in the lock.
    """
    raise_interrupt()
    old = workspace.lock or Lock()
    _refuse_unknown(old, upgrade)
    kept = _without(old, set(upgrade))
    plans = plan_images(replace(workspace, lock=kept))
    all_mirrors = merged_mirrors(workspace.project.mirrors, mirrors or {})
    client = RegistryClient(
        os.environ, ca_bundle or _own_ca_bundle(workspace), insecure=workspace.project.insecure_registries
    )
    bases = {image: _base(client, image, kept, all_mirrors, report) for image in _base_images(plans)}
    _refuse_lacking_bases(workspace, plans, bases)
    lock = Lock(
        refresh=old.refresh + refresh,
        bases=dict(sorted(bases.items())),
        images=_images(workspace, plans, kept, ca_bundle, report),
        git=_git(workspace, plans, kept, report),
    )
    compile_workspace(replace(workspace, lock=lock))  # a lock that cannot be compiled is never returned
    return lock


def render_lock(lock: Lock) -> bytes:
    """Return the bytes of the lock file."""
    return (lock.model_dump_json(indent=1, exclude_defaults=True, exclude_none=True) + "\n").encode()


def _refuse_unknown(lock: Lock, upgrade: Sequence[str]) -> None:
    names = set(lock.bases) | {git.url for git in lock.git} | {"*"}
    for targets in lock.images.values():
        for image in targets.values():
            names.update(*image.releases.values(), *(python.packages for python in image.python.values()))
    for name in upgrade:
        if name not in names:
            raise EdgebakeError(f"{name!r} is not in the lock", hints=did_you_mean(name, names, kind="name"))


def _without(lock: Lock, upgrade: set[str]) -> Lock:
    """Return the lock without what is to be resolved again."""
    if "*" in upgrade:
        return Lock(refresh=lock.refresh)
    images = {
        name: {target: _image_without(image, upgrade) for target, image in targets.items()}
        for name, targets in lock.images.items()
    }
    bases = {image: base for image, base in lock.bases.items() if image not in upgrade}
    git = tuple(entry for entry in lock.git if entry.url not in upgrade)
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


def _own_ca_bundle(workspace: Workspace) -> Path | None:
    bundle = workspace.project.ca_bundle
    return workspace.root / bundle if bundle else None


def _base(client: RegistryClient, image: str, kept: Lock, mirrors: Mapping[str, str], report: Report) -> LockedBase:
    locked = kept.bases.get(image)
    if locked is not None and locked.digest is not None:
        return locked
    base = lock_base(client, image, mirrors)
    report(f"{image}: {base.digest or 'not pinned: ' + str(base.reason)}")
    return base


def _refuse_lacking_bases(
    workspace: Workspace, plans: Iterable[ImagePlan], bases: Mapping[str, LockedBase]
) -> None:
    """Refuse a target whose base image lacks a platform of its images."""
    targets = {plan.target.name: plan.target for plan in plans}
    errors = []
    for name, target in sorted(targets.items()):
        base = bases.get(target.base.image)
        if base is not None and base.digest:
            wanted = {platform for plan in plans if plan.target.name == name for platform in plan.platforms}
            errors += lacking(workspace, target, wanted, base.platforms)
    if errors:
        raise ErrorGroup(errors)


def _git(workspace: Workspace, plans: Iterable[ImagePlan], kept: Lock, report: Report) -> tuple[LockedGit, ...]:
    locked = []
    for url, ref in sorted({source for plan in plans for source in plan.git_sources()}):
        try:
            commit = kept.commit(url, ref) or remote_commit(url, ref, git_login(workspace, url))
        except EdgebakeError as error:
            reason = f": {error.reason.splitlines()[-1]}" if error.reason else ""
            report(f"{url} {ref}: not pinned: {error.message}{reason}")
            continue
        report(f"{url} {ref}: {commit}")
        locked.append(LockedGit(url=url, ref=ref, commit=commit))
    return tuple(locked)


def _images(
    workspace: Workspace, plans: Iterable[ImagePlan], kept: Lock, ca_bundle: Path | None, report: Report
) -> dict[str, dict[str, LockedImage]]:
    wheelhouse = workspace.root / workspace.project.wheelhouse if workspace.project.wheelhouse else None
    images: dict[str, dict[str, LockedImage]] = {}
    for plan in sorted(plans, key=lambda plan: (plan.name, plan.target.name)):
        image = _image(plan, kept, images, wheelhouse, ca_bundle, report)
        images.setdefault(plan.name, {})[plan.target.name] = image
    return images


def _image(
    plan: ImagePlan,
    kept: Lock,
    finished: Mapping[str, Mapping[str, LockedImage]],
    wheelhouse: Path | None,
    ca_bundle: Path | None,
    report: Report,
) -> LockedImage:
    present_image = kept.images.get(plan.name, {}).get(plan.target.name)
    releases = {
        platform: {name: pin.release.version for name, pin in sorted(resolution.pins.items())}
        for platform, resolution in plan.resolutions.items()
    }
    python = {}
    for platform in plan.platforms:
        views = plan.views_on(platform)
        if not any(view.pip for view in views):
            continue
        present = present_image.python.get(platform) if present_image else None
        env = plan.python[platform]
        if present is not None and env.locked:
            python[platform] = present
            continue
        preferred = _preferred(plan, platform, present, finished)
        python[platform] = lock_python(views, platform, preferred, wheelhouse=wheelhouse, ca_bundle=ca_bundle)
        report(f"{plan.name} on {plan.target.name} ({platform}): {_summary(python[platform])}")
    return LockedImage(releases=releases, python=python)


def _summary(locked: LockedPython) -> str:
    if locked.reason:
        return f"Python packages not pinned: {locked.reason}"
    return counted(len(locked.packages), "Python package")


def _preferred(
    plan: ImagePlan, platform: str, present: LockedPython | None, finished: Mapping[str, Mapping[str, LockedImage]]
) -> Mapping[str, LockedPackage]:
    """Return the packages to prefer: the image's present ones, then those of other images on the target.

    Images with the same packages share their stages.
    """
    preferred: dict[str, LockedPackage] = {}
    for targets in finished.values():
        other = targets.get(plan.target.name)
        if other is not None and platform in other.python:
            preferred = {**other.python[platform].packages, **preferred}
    return {**preferred, **(present.packages if present else {})}
