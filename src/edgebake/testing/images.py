"""Brings images into the local engine, and tests them there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field, replace

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.execute.executor import Executor
from edgebake.execute.progress import Mode
from edgebake.execute.progress.factory import make_progress
from edgebake.model.output.build import Suite, TestResult
from edgebake.pipeline import Pipeline
from edgebake.plan.builder import Plan
from edgebake.plan.scope import Scope
from edgebake.plan.settings import Settings
from edgebake.plan.target_plan import TargetPlan
from edgebake.state.stacks import looker
from edgebake.system.checkout import CheckoutLock
from edgebake.system.docker import docker, pull
from edgebake.testing.cases import cases_of
from edgebake.testing.runner import run_cases


@dataclass(frozen=True)
class LocalBuild:
    """A build of images for the local engine: what, how, whether without progress, how others are waited for."""

    pipeline: Pipeline
    settings: Settings
    quiet: bool = False
    lock: CheckoutLock = field(default_factory=CheckoutLock)


@dataclass(frozen=True)
class Loaded:
    """An image on one platform that the local engine has under `reference`."""

    plan: Plan
    target: TargetPlan
    platform: str
    reference: str


def load_images(
    build: LocalBuild,
    *,
    scope: Scope | None = None,
    note: Callable[[str], None] = lambda text: None,
    begin: Callable[[], None] = lambda: None,
) -> Iterator[Loaded]:
    """Build images, each platform for itself, and load them into the local engine.

    `scope` is the part of the request that is built; None for all of it. `note` is called with each note about what
    is selected, `begin` before each build.

    Raises:
        EdgebakeError: as for a bake.
    """
    pipeline, settings = build.pipeline, build.settings
    plan = pipeline.plan(output="load", look=looker(settings))
    for text in plan.scope.notes:
        note(text)
    whole = scope or plan.scope
    for platform in dict.fromkeys(part.platform for target in whole.targets for part in target.parts):
        part = plan.part(whole.on(platform))
        progress = make_progress(Mode.quiet if build.quiet else Mode.auto, sys.stderr, settings.environment)
        begin()
        results = Executor(part, settings, progress, pipeline.compiled.tree, lock=build.lock).run()
        plan = replace(plan, files=())  # they are written now
        references = {result.bake_target: result.reference for result in results}
        for target in part.targets:
            yield Loaded(part, target, platform, references[target.bake_target.name])


def run_suites(
    images: Iterable[Loaded], *, gpus: str | None = None, report: Callable[[TestResult], None] = lambda result: None
) -> list[Suite]:
    """Run the tests of images that the local engine has, and call `report` with each result.

    `gpus` is what `docker run --gpus` takes, for tests that need a GPU.

    Raises:
        EdgebakeError: the engine cannot run an image.
    """
    suites = []
    for image in images:
        bake_target, reference, platform = image.target.bake_target, image.reference, image.platform
        cases, tests = cases_of(image.plan.compilation.plan_of(bake_target), platform), []
        for result in run_cases(reference, platform, cases, gpus=gpus):
            report(result)
            tests.append(result)
        name, target = bake_target.image, bake_target.target
        suites.append(Suite(image=name, target=target, platform=platform, reference=reference, tests=tests))
    return suites


def get_image(pipeline: Pipeline, reference: str) -> Loaded:
    """Return the one requested image as `reference`, which the local engine has, or pulls.

    Raises:
        EdgebakeError: several images or platforms are requested, or the engine cannot get the image.
    """
    plan = pipeline.plan()
    parts = [(target, platform) for target in plan.targets for platform in target.platforms]
    if len(parts) != 1:
        names = [f"{target.bake_target.name} ({platform})" for target, platform in parts]
        raise EdgebakeError(
            f"{reference} can only be one image on one platform",
            reason=f"selected are {', '.join(names)}",
            hints=("choose with --target and --platform",),
        )
    target, platform = parts[0]
    try:
        pull(reference, platform, quiet=True)
    except EdgebakeError:
        if docker("image", "inspect", reference).returncode != 0:
            raise
    return Loaded(plan, target, platform, reference)
