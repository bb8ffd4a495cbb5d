"""Brings images into the local engine, and tests them there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edgebake.api import make_plan
from edgebake.errors import EdgebakeError
from edgebake.execute.executor import Executor
from edgebake.execute.progress import make_progress
from edgebake.execute.progress_mode import Mode
from edgebake.plan.builder import Plan, TargetPlan
from edgebake.plan.selection import Selection
from edgebake.plan.settings import Settings
from edgebake.state.stacks import looker
from edgebake.system.docker import docker, pull
from edgebake.testing.cases import cases_of
from edgebake.testing.report import Suite
from edgebake.testing.runner import CaseResult, run_cases

Tell = Callable[[CaseResult], None]
Note = Callable[[str], None]


@dataclass(frozen=True)
class Loaded:
    """An image on one platform that the local engine has under `reference`."""

    plan: Plan
    target: TargetPlan
    platform: str
    reference: str


def load_images(
    start: Path,
    selection: Selection,
    settings: Settings,
    *,
    locked: bool = False,
    quiet: bool = False,
    note: Note = lambda text: None,
    begin: Callable[[], None] = lambda: None,
) -> Iterator[Loaded]:
    """Build the selected images, each platform for itself, and load them into the local engine.

    Args:
        start: where to look for a project: this folder and those above it.
        selection: what is built.
        settings: how to build.
        locked: refuse a lock that is stale.
        quiet: show no progress of the builds.
        note: takes what a user should know of what is selected.
        begin: is called before each build.

    Raises:
        EdgebakeError: as for a bake.
    """
    plan, _ = make_plan(start, selection, locked=locked)
    for text in plan.selection.notes:
        note(text)
    platforms = dict.fromkeys(platform for target in plan.targets for platform in target.platforms)
    for platform in platforms:
        one = replace(plan.selection, platforms=(platform,))  # what selectors pick is known now, and stays
        plan, compiled = make_plan(start, one, output="load", locked=locked, look=looker(settings))
        progress = make_progress(Mode.quiet if quiet else Mode.auto, sys.stderr, settings.environment)
        begin()
        results = Executor(plan, settings, progress, compiled.tree.write).run()
        references = {result.bake_target: result.reference for result in results}
        for target in plan.targets:
            yield Loaded(plan, target, platform, references[target.bake_target.name])


def check_images(
    start: Path,
    selection: Selection,
    settings: Settings,
    *,
    gpus: str | None = None,
    locked: bool = False,
    quiet: bool = False,
    tell: Tell = lambda result: None,
    note: Note = lambda text: None,
    begin: Callable[[], None] = lambda: None,
) -> Iterator[Suite]:
    """Bring the selected images into the local engine as :func:`load_images` does, and run their tests.

    Args:
        start: where to look for a project: this folder and those above it.
        selection: what is tested.
        settings: how to build.
        gpus: what `docker run --gpus` takes, for tests that need a GPU.
        locked: refuse a lock that is stale.
        quiet: show no progress of the builds.
        tell: is told of each test as it ends.
        note: takes what a user should know of what is selected.
        begin: is called before each build.

    Raises:
        EdgebakeError: as for a bake; or an image that the engine cannot run.
    """
    for one in load_images(start, selection, settings, locked=locked, quiet=quiet, note=note, begin=begin):
        yield _suite(one.plan, one.target, one.platform, one.reference, gpus, tell)


def check_reference(
    start: Path, selection: Selection, reference: str, *, gpus: str | None = None, tell: Tell = lambda result: None
) -> Suite:
    """Run the tests of the one selected image in `reference`, which the local engine has, or pulls.

    Raises:
        EdgebakeError: several images or platforms are selected, or the engine cannot get or run the image.
    """
    one = get_image(start, selection, reference)
    return _suite(one.plan, one.target, one.platform, reference, gpus, tell)


def get_image(start: Path, selection: Selection, reference: str) -> Loaded:
    """Return the one selected image as `reference`, which the local engine has, or pulls.

    Raises:
        EdgebakeError: several images or platforms are selected, or the engine cannot get the image.
    """
    plan, _ = make_plan(start, selection)
    if len(plan.targets) != 1 or len(plan.targets[0].platforms) != 1:
        found = [f"{t.bake_target.name} ({p})" for t in plan.targets for p in t.platforms]
        raise EdgebakeError(
            f"{reference} can only be one image on one platform",
            reason=f"selected are {', '.join(found)}",
            hints=("choose with --target and --platform",),
        )
    target = plan.targets[0]
    _get(reference, target.platforms[0])
    return Loaded(plan, target, target.platforms[0], reference)


def _get(reference: str, platform: str) -> None:
    try:
        pull(reference, platform, quiet=True)
    except EdgebakeError:
        if docker("image", "inspect", reference).returncode != 0:
            raise


def _suite(plan: Plan, target: TargetPlan, platform: str, reference: str, gpus: str | None, tell: Tell) -> Suite:
    name = target.bake_target
    cases = cases_of(plan.compilation.plan_of(name), platform)
    results = []
    for result in run_cases(reference, platform, cases, gpus=gpus):
        tell(result)
        results.append(result)
    return Suite(name.image, name.target, platform, reference, tuple(results))
