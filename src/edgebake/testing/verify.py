"""Builds and tests recipes one by one, with and without what is tested, and records the results."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.execute.preflight import check_builder, not_emulated
from edgebake.load.workspace import open_workspace
from edgebake.lock.locker import make_lock, render_lock
from edgebake.model.project import LOCK_FILE, PROJECT_FILE
from edgebake.model.request import Request
from edgebake.pipeline import Pipeline
from edgebake.plan.settings import Settings
from edgebake.plan.steps import CheckBuilder
from edgebake.render.dockerfile import base_reference
from edgebake.system.atomic import write_file
from edgebake.system.docker import docker, last_line
from edgebake.testing.causes import Cause, cause_in_build, cause_in_test
from edgebake.testing.images import LocalBuild, load_images, run_suites
from edgebake.testing.runner import run_cases
from edgebake.testing.subjects import Subject
from edgebake.testing.verified import Verification, read_verified, write_verified

_WITHOUT = ("python", "ninja")
"""What an image without a recipe has, if the recipe needs nothing: it has to have something."""
_SHOWN = 500  # characters of what a failed build or test said
_DISK_HINTS = ("free some of it, and run again: docker buildx prune --filter until=24h", "or: docker image prune")


class UnreachableError(EdgebakeError):
    """A build failed because a registry, an index or another server did not answer; the recipe is not to blame."""


@dataclass(frozen=True)
class Bench:
    """Where and how to build what is verified.

    Attributes:
        work: an empty folder to build in; folders in it become the working directory.
        locked: pin Python packages first, as `edgebake lock` does: their wheels are then fetched on the build
            platform, not installed under emulation. They are the newest ones either way.
    """

    work: Path
    settings: Settings
    locked: bool = False


def verify(
    bench: Bench,
    record: Path,
    found: Iterable[Subject],
    report: Callable[[Verification], None],
    report_unreached: Callable[[Subject, UnreachableError], None],
) -> None:
    """Verify what the record does not have as it is now; each result is written down at once.

    The record is in the folder of recipes. `report` is called with each result, `report_unreached` with each recipe
    that is not recorded because a server did not answer.

    Raises:
        EdgebakeError: this machine can build nothing now: no engine, a platform that is not emulated, a full disk.
            Nothing is recorded of the recipe that it was at.
    """
    for subject in found:
        known = read_verified(record)
        old = known.get(subject.key)
        if old is not None and old.ok and old.fingerprint == subject.fingerprint:
            continue
        check_builder(CheckBuilder((subject.platform,), (subject.platform,)), bench.settings.builder)
        try:
            result = _verify(bench, subject)
        except UnreachableError as error:
            report_unreached(subject, error)
            continue
        known = read_verified(record)  # another one may have written meanwhile
        write_verified(record, {**known, subject.key: result}.values())
        report(result)


def _verify(bench: Bench, subject: Subject) -> Verification:
    begin = time.monotonic()
    reason, size, fails_without = "", 0, False
    try:
        pipeline = _project(bench, subject.recipe, subject.requirements, subject)
        (suite,) = run_suites(load_images(LocalBuild(pipeline, bench.settings, quiet=True)))
        wrong = next((result for result in suite.tests if not result.ok), None)
        size = _size_and_remove(suite.reference)
        if wrong is not None:
            _refuse_other_cause(subject, cause_in_test(wrong.output), wrong.output)
            reason = f"{wrong.title} {wrong.outcome}: {wrong.output[-_SHOWN:]}"
        fails_without = not reason and _fails_without(bench, subject)
    except EdgebakeError as error:
        said = error.reason or ""
        _refuse_other_cause(subject, cause_in_build(said), said)
        reason = f"{error.message}: {_last_words(said)}"
    plan = subject.compilation.plans[0]
    return Verification(
        recipe=subject.recipe,
        release=plan.resolutions[subject.platform].pins[subject.recipe].version,
        target=subject.target,
        platform=subject.platform,
        given=subject.given,
        locked=bench.locked,
        fingerprint=subject.fingerprint,
        base=base_reference(subject.compilation, plan.target.base.image),
        result="failed" if reason else "passed",
        fails_without=fails_without,
        seconds=round(time.monotonic() - begin, 1),
        size=size,
        reason=reason,
    )


def _refuse_other_cause(subject: Subject, cause: Cause | None, said: str) -> None:
    """Refuse to record a failure that says nothing about the recipe.

    Raises:
        UnreachableError: a server did not answer.
        EdgebakeError: this machine can build nothing now.
    """
    reason = f"seen at {subject.recipe} ({subject.platform}):\n{_last_words(said)}"
    if cause == "emulation":
        raise not_emulated("engine", [subject.platform], reason)
    if cause == "disk":
        raise EdgebakeError("the disk is full", reason=reason, hints=_DISK_HINTS)
    if cause == "network":
        raise UnreachableError(
            f"a server that {subject.recipe} is built from does not answer",
            reason=reason,
            hints=("see that this machine reaches it, or name a mirror in EDGEBAKE_MIRRORS, and run again",),
        )


def _last_words(said: str) -> str:
    """Return the end of what a step wrote, without the command that BuildKit repeats below it."""
    return (said.rpartition("\n\n")[0] or said)[-_SHOWN:]


def _project(bench: Bench, name: str, recipes: Sequence[str], subject: Subject) -> Pipeline:
    """Write a project whose one image has the recipes, on the subject's one platform, and go there.

    An image of a project can be for fewer platforms than its target: not every recipe is for all.
    """
    folder = bench.work / name
    folder.mkdir(exist_ok=True)
    image = {"recipes": list(recipes), "targets": [subject.target], "platforms": [subject.platform]}
    plumbing = {"ca_bundle": ""} if bench.settings.variables.get("CA_BUNDLE") else {}
    (folder / PROJECT_FILE).write_text(json.dumps({**plumbing, "images": {name: image}}))
    os.chdir(folder)
    if bench.locked:
        settings, bundle = bench.settings, bench.settings.variables.get("CA_BUNDLE")
        path = Path(bundle) if bundle else None
        made = make_lock(open_workspace(folder), mirrors=settings.mirrors, ca_bundle=path)
        write_file(folder / LOCK_FILE, render_lock(made.lock))
    return Pipeline(folder, Request((name,)))


def _fails_without(bench: Bench, subject: Subject) -> bool:
    """Tell whether the recipe's test fails in an image that has what the recipe needs, but not the recipe."""
    pipeline = _project(bench, f"{subject.recipe}-without", _needs(subject), subject)
    (image,) = load_images(LocalBuild(pipeline, bench.settings, quiet=True))
    (result,) = run_cases(image.reference, subject.platform, [subject.case])
    _size_and_remove(image.reference)
    _refuse_other_cause(subject, cause_in_test(result.output), result.output)
    return not result.ok


def _needs(subject: Subject) -> list[str]:
    """Return what a recipe needs, at the releases that it was built with."""
    pins = subject.compilation.plans[0].resolutions[subject.platform].pins
    needs = [pins[name] for name in sorted(pins[subject.recipe].requires)]
    if needs:
        return [f"{pin.name}=={pin.release.version}" if pin.loaded.is_versioned else pin.name for pin in needs]
    return [next(name for name in _WITHOUT if name != subject.recipe)]


def _size_and_remove(reference: str) -> int:
    """Return an image's size in bytes. The image goes; its layers stay in the build cache for the next one."""
    inspected = docker("image", "inspect", "--format", "{{.Size}}", reference)
    removed = docker("image", "rm", "--force", reference)
    for done in (inspected, removed):
        if done.returncode != 0:
            raise EdgebakeError(f"the engine does not have {reference}", reason=last_line(done.stderr))
    return int(inspected.stdout)
