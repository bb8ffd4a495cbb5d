"""Brings images into the local engine, and tests them there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from edgebake.errors import EdgebakeError
from edgebake.execute.executor import Executor
from edgebake.execute.progress import make_progress
from edgebake.execute.progress_mode import Mode
from edgebake.pipeline import Pipeline
from edgebake.plan.builder import Plan
from edgebake.plan.scope import Scope
from edgebake.plan.settings import Settings
from edgebake.plan.target_plan import TargetPlan
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
    pipeline: Pipeline,
    settings: Settings,
    *,
    scope: Scope | None = None,
    quiet: bool = False,
    note: Note = lambda text: None,
    begin: Callable[[], None] = lambda: None,
) -> Iterator[Loaded]:
    """Build images, each platform for itself, and load them into the local engine.

    Args:
        pipeline: the request.
        settings: how to build.
        scope: the part of the request that is built; None for all of it.
        quiet: show no progress of the builds.
        note: takes what the user should know about what is selected.
        begin: is called before each build.

    Raises:
        EdgebakeError: as for a bake.
    """
    plan = pipeline.plan(output="load", look=looker(settings))
    for text in plan.scope.notes:
        note(text)
    whole = scope or plan.scope
    for platform in dict.fromkeys(part.platform for target in whole.targets for part in target.parts):
        part = plan.part(whole.on(platform))
        progress = make_progress(Mode.quiet if quiet else Mode.auto, sys.stderr, settings.environment)
        begin()
        results = Executor(part, settings, progress, pipeline.compiled.tree.write).run()
        plan = replace(plan, files=())  # they are written now
        references = {result.bake_target: result.reference for result in results}
        for target in part.targets:
            yield Loaded(part, target, platform, references[target.bake_target.name])


def check_images(
    pipeline: Pipeline,
    settings: Settings,
    *,
    gpus: str | None = None,
    quiet: bool = False,
    tell: Tell = lambda result: None,
    note: Note = lambda text: None,
    begin: Callable[[], None] = lambda: None,
) -> Iterator[Suite]:
    """Bring the requested images into the local engine as :func:`load_images` does, and run their tests.

    Args:
        pipeline: the request.
        settings: how to build.
        gpus: what `docker run --gpus` takes, for tests that need a GPU.
        quiet: show no progress of the builds.
        tell: is called with the result of each test as it ends.
        note: takes what the user should know about what is selected.
        begin: is called before each build.

    Raises:
        EdgebakeError: as for a bake; or an image that the engine cannot run.
    """
    for loaded in load_images(pipeline, settings, quiet=quiet, note=note, begin=begin):
        yield _suite(loaded, gpus, tell)


def check_reference(
    pipeline: Pipeline, reference: str, *, gpus: str | None = None, tell: Tell = lambda result: None
) -> Suite:
    """Run the tests of the one requested image in `reference`, which the local engine has, or pulls.

    Raises:
        EdgebakeError: several images or platforms are requested, or the engine cannot get or run the image.
    """
    return _suite(get_image(pipeline, reference), gpus, tell)


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
    _get(reference, platform)
    return Loaded(plan, target, platform, reference)


def _get(reference: str, platform: str) -> None:
    try:
        pull(reference, platform, quiet=True)
    except EdgebakeError:
        if docker("image", "inspect", reference).returncode != 0:
            raise


def _suite(loaded: Loaded, gpus: str | None, tell: Tell) -> Suite:
    bake_target = loaded.target.bake_target
    cases = cases_of(loaded.plan.compilation.plan_of(bake_target), loaded.platform)
    results = []
    for result in run_cases(loaded.reference, loaded.platform, cases, gpus=gpus):
        tell(result)
        results.append(result)
    return Suite(bake_target.image, bake_target.target, loaded.platform, loaded.reference, tuple(results))
