"""Brings images into the local engine, and tests them there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edgebake.api import make_plan
from edgebake.errors import EdgebakeError
from edgebake.execute.executor import Executor
from edgebake.execute.progress.factory import make_progress
from edgebake.execute.progress.mode import Mode
from edgebake.model.output.build import Suite, TestResult
from edgebake.plan.builder import Plan, TargetPlan
from edgebake.plan.selection import Selection
from edgebake.plan.settings import Settings
from edgebake.state.stacks import looker
from edgebake.testing.cases import cases_of
from edgebake.testing.runner import run_cases

Report = Callable[[TestResult], None]


@dataclass(frozen=True)
class LocalBuild:
    """A build of images for the local engine.

    Attributes:
        start: where to look for a project: this folder and those above it.
        selection: what is built.
        settings: how to build.
        locked: refuse a lock that is stale.
        quiet: show no progress of the builds.
    """

    start: Path
    selection: Selection
    settings: Settings
    locked: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Loaded:
    """An image on one platform that the local engine has under `reference`."""

    plan: Plan
    target: TargetPlan
    platform: str
    reference: str


def load_images(
    build: LocalBuild, *, note: Callable[[str], None] = lambda text: None, begin: Callable[[], None] = lambda: None
) -> Iterator[Loaded]:
    """Build the selected images, each platform for itself, and load them into the local engine.

    Args:
        build: what is built, and how.
        note: called with each note about what is selected.
        begin: called before each build.

    Raises:
        EdgebakeError: as for a bake.
    """
    plan, _ = make_plan(build.start, build.selection, locked=build.locked)
    for text in plan.selection.notes:
        note(text)
    platforms = dict.fromkeys(platform for target in plan.targets for platform in target.platforms)
    for platform in platforms:
        one = replace(plan.selection, platforms=(platform,))  # what selectors pick is known now, and stays
        plan, compiled = make_plan(
            build.start, one, output="load", locked=build.locked, look=looker(build.settings)
        )
        progress = make_progress(Mode.quiet if build.quiet else Mode.auto, sys.stderr, build.settings.environment)
        begin()
        results = Executor(plan, build.settings, progress, compiled.tree.write).run()
        references = {result.bake_target: result.reference for result in results}
        for target in plan.targets:
            yield Loaded(plan, target, platform, references[target.bake_target.name])


def run_suites(
    images: Iterable[Loaded], *, gpus: str | None = None, report: Report = lambda result: None
) -> list[Suite]:
    """Run the tests of images that the local engine has.

    Args:
        images: the images.
        gpus: what `docker run --gpus` takes, for tests that need a GPU.
        report: called with each result.

    Raises:
        EdgebakeError: the engine cannot run an image.
    """
    return [_suite(image, gpus, report) for image in images]


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
    from python_on_whales import DockerClient
    from python_on_whales.exceptions import DockerException

    try:
        DockerClient().pull(reference, platform=platform, quiet=True)
    except DockerException as error:
        if not DockerClient().image.exists(reference):
            raise EdgebakeError(
                f"the image {reference} cannot be pulled", reason=(error.stderr or "").strip()
            ) from None


def _suite(image: Loaded, gpus: str | None, report: Report) -> Suite:
    bake_target = image.target.bake_target
    results = []
    cases = cases_of(image.plan.compilation.plan_of(bake_target), image.platform)
    for result in run_cases(image.reference, image.platform, cases, gpus=gpus):
        report(result)
        results.append(result)
    return Suite(
        image=bake_target.image,
        target=bake_target.target,
        platform=image.platform,
        reference=image.reference,
        tests=results,
    )
