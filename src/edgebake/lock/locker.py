"""Creates the lock of a workspace."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, ErrorGroup, Mistakes, did_you_mean
from edgebake.graph.apt_pins import refuse_apt_conflicts
from edgebake.graph.compile import compile_workspace, plan_images
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.notes import summarised
from edgebake.graph.python_conflict import Asked, conflict_error
from edgebake.graph.python_env import resolution_inputs
from edgebake.interrupt import raise_interrupt
from edgebake.load.workspace import Workspace
from edgebake.lock.environment import Environment, EnvironmentCheck, environment_check
from edgebake.lock.git_login import git_login, index_logins
from edgebake.lock.python_packages import PythonConflictError, Resolver
from edgebake.lock.sources import lock_base
from edgebake.lock.uv import UnpinnableError, Uv
from edgebake.model.conflicts import CONFLICTS_FILE, AskedPackage, KnownConflict, KnownConflicts
from edgebake.model.lock import Lock, LockedBase, LockedGit, LockedImage, LockedPackage, LockedPython
from edgebake.registry.client import RegistryClient
from edgebake.registry.mirrors import merged_mirrors
from edgebake.render.shared_paths import refuse_shared_paths
from edgebake.state.bases import lacking
from edgebake.system.atomic import write_file
from edgebake.system.git import GitError, remote_commit
from edgebake.text.words import counted

Report = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """A lock, and what could not be pinned in it or not be upgraded: a line for each."""

    lock: Lock
    unpinned: tuple[str, ...]


def make_lock(
    workspace: Workspace,
    *,
    upgrade: Sequence[str] = (),
    refresh: bool = False,
    mirrors: Mapping[str, str] | None = None,
    ca_bundle: Path | None = None,
    report: Report = lambda line: None,
) -> Made:
    """Resolve everything that compiling needs from the network. Entries of the present lock are kept if they fit.

    An entry that is to be resolved again, and cannot be, is kept as well.

    Args:
        workspace: the project, with its present lock.
        upgrade: recipes, Python packages, base images or git URLs to resolve again; "*" for everything.
        refresh: whether to reinstall unversioned system packages.
        mirrors: mirrors of repositories, in addition to the project's.
        ca_bundle: certificates to trust.
        report: called with a line for each step.

    Raises:
        EdgebakeError: conflicts, all at once; or a name in `upgrade` that is not in the lock.
    """
    raise_interrupt()
    workspace = replace(workspace, conflicts={})  # an index can have the solution today
    old = workspace.lock or Lock()
    _refuse_unknown(old, upgrade)
    kept = _without(old, set(upgrade))
    mistakes = Mistakes()
    plans = plan_images(replace(workspace, lock=kept), mistakes)
    with mistakes.gathered():
        refuse_apt_conflicts(plans)
    all_mirrors = merged_mirrors(workspace.project.mirrors, mirrors or {})
    insecure = workspace.project.insecure_registries
    client = RegistryClient(os.environ, ca_bundle or _own_ca_bundle(workspace), insecure=insecure)
    work = _Work(workspace, old, kept, mistakes, report)
    bases = {image: work.base(client, image, all_mirrors) for image in _base_images(plans)}
    with mistakes.gathered():
        _refuse_lacking_bases(workspace, plans, bases)
    with index_logins(workspace) as netrc:
        images = work.images(plans, _uv(workspace, ca_bundle, netrc))
        trusted = ca_bundle or _own_ca_bundle(workspace)
        work.check_environments(environment_check(workspace.root, trusted, netrc))
    git = work.git(plans)
    mistakes.raise_all()
    lock = Lock(refresh=old.refresh + refresh, bases=dict(sorted(bases.items())), images=images, git=git)
    _try(replace(workspace, lock=lock), report)
    return Made(lock, tuple(dict.fromkeys(work.unpinned)))


def _try(workspace: Workspace, report: Report) -> None:
    """Compile a workspace with its new lock, and report packages that are not the build for their target.

    Raises:
        EdgebakeError: it cannot be compiled, so that the lock is not to be returned.
    """
    compilation = compile_workspace(workspace)
    refuse_shared_paths(compilation)
    for line in summarised(note for note in compilation.notes if note.kind in ("build", "cuda")):
        report(f"note: {line}")


def render_lock(lock: Lock) -> bytes:
    """Return the bytes of the lock file."""
    data = lock.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    return ("\n".join(_lines({"version": lock.version, **data})) + "\n").encode()


def _lines(value: Any) -> Iterator[str]:
    """Yield a value as JSON, each part on a line of its own, so that a diff shows what changed.

    What has a single part, as the name of a dependency, is one line.
    """
    if not isinstance(value, dict | list) or not value or _is_short(value):
        yield json.dumps(value)
        return
    if isinstance(value, dict):
        entries = [(f"{json.dumps(key)}: ", part) for key, part in value.items()]
    else:
        entries = [("", part) for part in value]
    yield "{" if isinstance(value, dict) else "["
    for number, (key, part) in enumerate(entries, 1):
        first, *rest = _lines(part)
        comma = "," if number < len(entries) else ""
        lines = [f" {key}{first}", *(f" {line}" for line in rest)]
        yield from (*lines[:-1], lines[-1] + comma)
    yield "}" if isinstance(value, dict) else "]"


def _is_short(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and isinstance(next(iter(value.values())), str)


def _refuse_unknown(lock: Lock, upgrade: Sequence[str]) -> None:
    names = set(lock.bases) | {git.url for git in lock.git} | {"*"}
    for targets in lock.images.values():
        for image in targets.values():
            names.update(*image.releases.values(), *(python.by_name for python in image.python.values()))
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
    packages = tuple(package for package in locked.packages if package.name not in upgrade)
    if len(packages) == len(locked.packages):
        return locked
    return LockedPython(inputs="", packages=packages)


def _base_images(plans: Iterable[ImagePlan]) -> list[str]:
    bases = {image for plan in plans for image in (plan.target.base.image, plan.target.base.native) if image}
    return sorted(image for image in bases if "@" not in image)


def _own_ca_bundle(workspace: Workspace) -> Path | None:
    bundle = workspace.project.ca_bundle
    return workspace.root / bundle if bundle else None


def _uv(workspace: Workspace, ca_bundle: Path | None, netrc: Path | None) -> Uv:
    wheelhouse = workspace.project.wheelhouse
    return Uv(workspace.root / wheelhouse if wheelhouse else None, ca_bundle, netrc)


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


@dataclass
class _Work:
    """The parts of a lock in the making.

    Attributes:
        workspace: the project.
        old: its lock.
        kept: that lock without what is to be resolved again.
        mistakes: gathers what is wrong.
        report: called with a line for each step.
        unpinned: what could not be pinned, or not be upgraded.
        resolved: the Python packages that were resolved again.
    """

    workspace: Workspace
    old: Lock
    kept: Lock
    mistakes: Mistakes
    report: Report
    unpinned: list[str] = field(default_factory=list)
    resolved: list[Environment] = field(default_factory=list)

    def _failed(self, what: str, reason: str, *, kept: bool) -> None:
        line = f"{what}: {'keeps its pin, and is not resolved again' if kept else 'not pinned'}: {reason}"
        self.unpinned.append(line)

    # ── base images and git refs

    def base(self, client: RegistryClient, image: str, mirrors: Mapping[str, str]) -> LockedBase:
        """Return the digests of a base image."""
        locked = self.kept.bases.get(image)
        if locked is not None and locked.digest is not None:
            return locked
        base = lock_base(client, image, mirrors)
        if base.digest:
            self.report(f"{image}: {base.digest}")
            return base
        old = self.old.bases.get(image)
        has_pin = old is not None and old.digest is not None
        self._failed(image, str(base.reason), kept=has_pin)
        return old if old is not None and has_pin else base

    def git(self, plans: Iterable[ImagePlan]) -> tuple[LockedGit, ...]:
        """Return the commits of all git refs."""
        sources = sorted({source for plan in plans for source in plan.git_sources()})
        locked = (self._commit(url, ref) for url, ref in sources)
        return tuple(one for one in locked if one is not None)

    def _commit(self, url: str, ref: str) -> LockedGit | None:
        commit = self.kept.commit(url, ref)
        if commit is None:
            with self.mistakes.gathered():
                commit = self._asked_commit(url, ref)
        return LockedGit(url=url, ref=ref, commit=commit) if commit else None

    def _asked_commit(self, url: str, ref: str) -> str | None:
        """Return the commit that a repository names, or the one of the old lock if it cannot be read."""
        try:
            commit = remote_commit(url, ref, git_login(self.workspace, url))
        except GitError as error:
            old = self.old.commit(url, ref)
            reason = (error.reason or error.message).splitlines()[-1]
            self._failed(f"{url} {ref}", reason, kept=old is not None)
            return old
        self.report(f"{url} {ref}: {commit}")
        return commit

    # ── images

    def images(self, plans: Iterable[ImagePlan], uv: Uv) -> dict[str, dict[str, LockedImage]]:
        """Return the resolutions of all images. Conflicts are gathered, each once for all images that have it."""
        images: dict[str, dict[str, LockedImage]] = {}
        conflicts: dict[tuple[Asked, ...], list[tuple[str, str]]] = {}
        known: dict[str, KnownConflict] = {}
        for plan in sorted(plans, key=lambda plan: (plan.name, plan.target.name)):
            releases = {
                platform: {name: pin.release.version for name, pin in sorted(resolution.pins.items())}
                for platform, resolution in plan.resolutions.items()
            }
            python: dict[str, LockedPython] = {}
            for platform in plan.platforms:
                try:
                    locked = self._python(plan, platform, images, uv)
                except PythonConflictError as error:
                    place = f"{plan.name} on {plan.target.name} ({platform})"
                    conflicts.setdefault(error.asked, []).append((place, error.explanation))
                    known[resolution_inputs(plan.views_on(platform))] = _known(error)
                    continue
                if locked is not None:
                    python[platform] = locked
            images.setdefault(plan.name, {})[plan.target.name] = LockedImage(releases=releases, python=python)
        for asked, places in conflicts.items():
            self.mistakes.add(conflict_error(asked, places[0][1], [place for place, _ in places]))
        _remember(self.workspace.root, known)
        return images

    def _python(
        self, plan: ImagePlan, platform: str, finished: Mapping[str, Mapping[str, LockedImage]], uv: Uv
    ) -> LockedPython | None:
        """Return the Python packages of an image; None if it asks for none, or if a recipe is wrong."""
        views = plan.views_on(platform)
        if not any(view.pip for view in views):
            return None
        present = _python_in(self.kept, plan, platform)
        if present is not None and plan.python[platform].locked:
            return present
        resolver = Resolver(uv, self.workspace.root, plan.target, platform)
        what = f"{plan.name} on {plan.target.name} ({platform})"
        try:
            locked = resolver.lock(views, _preferred(plan, platform, present, finished))
        except UnpinnableError as error:
            return self._without_python(plan, platform, error)
        except EdgebakeError as error:
            self.mistakes.add(error)
            return None
        self.report(f"{what}: {counted(len(locked.packages), 'Python package')}")
        self.resolved.append(Environment(plan, platform, locked))
        return locked

    def check_environments(self, check: EnvironmentCheck) -> None:
        """Gather what is wrong with the Python packages that were resolved again."""
        checked = check.check(self.resolved)
        self.unpinned += checked.unread
        for error in checked.errors:
            self.mistakes.add(error)

    def _without_python(self, plan: ImagePlan, platform: str, error: UnpinnableError) -> LockedPython:
        """Return what the old lock has of an image's Python packages, or why there are none."""
        old = _python_in(self.old, plan, platform)
        has_pins = old is not None and bool(old.packages)
        what = f"{plan.name} on {plan.target.name} ({platform}): Python packages"
        self._failed(what, _in_one_line(error), kept=has_pins)
        if old is not None and has_pins:
            return old
        return LockedPython(inputs=resolution_inputs(plan.views_on(platform)), reason=error.reason)


def _known(error: PythonConflictError) -> KnownConflict:
    asked = tuple(AskedPackage(recipe=one.recipe, requirement=one.text, index=one.index) for one in error.asked)
    return KnownConflict(asked=asked, explanation=error.explanation)


def _remember(root: Path, conflicts: Mapping[str, KnownConflict]) -> None:
    """Write down what conflicts, so that commands that ask no index report it as well; or that nothing does."""
    place = root / CONFLICTS_FILE
    if conflicts:
        content = KnownConflicts(conflicts=dict(sorted(conflicts.items()))).model_dump_json(
            indent=1, exclude_none=True
        )
        write_file(place, content.encode())
    else:
        place.unlink(missing_ok=True)


def _in_one_line(error: UnpinnableError) -> str:
    details = " ".join(error.details.split())
    return f"{error.reason} ({details})" if details else error.reason


def _python_in(lock: Lock, plan: ImagePlan, platform: str) -> LockedPython | None:
    image = lock.images.get(plan.name, {}).get(plan.target.name)
    return image.python.get(platform) if image else None


def _preferred(
    plan: ImagePlan, platform: str, present: LockedPython | None, finished: Mapping[str, Mapping[str, LockedImage]]
) -> Iterable[LockedPackage]:
    """Return the packages to prefer: the image's present ones, then those of other images on the target.

    Images with the same packages share their stages.
    """
    preferred: dict[str, LockedPackage] = {}
    for targets in finished.values():
        other = targets.get(plan.target.name)
        if other is not None and platform in other.python:
            preferred = {**other.python[platform].by_name, **preferred}
    return {**preferred, **(present.by_name if present else {})}.values()
