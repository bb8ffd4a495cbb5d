"""Brings images into the local engine, and runs the benches of their recipes there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from edgebake import __version__
from edgebake.bench.machine import Engine, load
from edgebake.bench.runner import Collected, Subject, run_bench
from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.graph.image_plan import ImagePlan
from edgebake.host.files import Files
from edgebake.host.flags import GROUPS, Choice, machine_flags
from edgebake.model.bench import ImageBench, RecipeBench, Result
from edgebake.model.requirement import parse_requirement
from edgebake.plan.builder import Plan
from edgebake.plan.scope import Part, Scope
from edgebake.plan.target_plan import TargetPlan
from edgebake.system.docker import docker, last_line
from edgebake.testing.cases import Case, benches_of
from edgebake.testing.images import Loaded, LocalBuild, get_image, load_images

_GROUPS = ("gpu", "board", "memory")
"""Of what the board needs (`edgebake run`), what has to do with computing."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class BenchRequest:
    """What is measured, and how.

    `build` has the images; without platforms, those that run natively here are measured, if there are any. Each
    bench runs `runs` times, each time in a new container, with `seconds` for each measurement. `recipes`: only the
    benches of these; empty for those of all recipes of a project's image, and of the named ones of an ad-hoc image.
    `reference` is the selected image, if it exists already.
    """

    build: LocalBuild
    runs: int
    seconds: float
    recipes: tuple[str, ...] = ()
    reference: str | None = None


def measure_images(request: BenchRequest, report: Report, begin: Callable[[], None] = lambda: None) -> Result:
    """Build the selected images that are missing, and measure them.

    `report` is called with a line for each thing that happens, and `begin` before each build.

    Raises:
        EdgebakeError: as for a bake; no selected image has such a bench; the engine cannot run an image.
    """
    plan = request.build.pipeline.plan()  # mistakes are found before an engine is needed
    engine = Engine()
    scope = _chosen(plan, request, engine.platform, report)
    began, before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), load()
    if request.reference is None:
        loaded = load_images(request.build, scope=scope, begin=begin)
    else:
        loaded = iter([get_image(request.build.pipeline, request.reference)])
    images = tuple(_measured(image, request, engine, report) for image in loaded)
    facts = engine.facts()
    if engine.machine is not None:
        facts = facts.model_copy(update={"load": (before, load())})
    return Result(
        edgebake=__version__, time=began, runs=request.runs, seconds=request.seconds, machine=facts, images=images
    )


# ── what is measured


def _chosen(plan: Plan, request: BenchRequest, native: str, report: Report) -> Scope:
    """Return the images of a plan that have a bench; without requested platforms, those that run natively.

    Raises:
        EdgebakeError: none of them has one.
    """
    found = [
        Part(target.bake_target.name, platform)
        for target in plan.targets
        for platform in target.platforms
        if _benches(plan, target, platform, request)
    ]
    if not found:
        raise _nothing_to_measure(plan, request)
    here = [one for one in found if one.platform == native]
    if request.build.pipeline.request.platforms or not here:
        return plan.scope.only(found, "it has a bench")
    for name, platform in found:
        if platform != native:
            report(f"left out: {name} on {platform}, which is emulated here; measure it with --platform {platform}")
    return plan.scope.only(here, "it has a bench and runs natively here")


def _benches(plan: Plan, target: TargetPlan, platform: str, request: BenchRequest) -> list[Case]:
    """Return the benches that are asked for, of the recipes in an image."""
    cases = benches_of(plan.compilation.plan_of(target.bake_target), platform)
    only = request.recipes or _named_recipes(plan)
    return [case for case in cases if not only or case.recipe in only]


def _named_recipes(plan: Plan) -> set[str]:
    """Return the recipes that an ad-hoc image was asked for by name; none of a project's image."""
    workspace = plan.compilation.workspace
    if workspace.document:
        return set()
    names = [parse_requirement(text).name for text in plan.scope.request.names]
    return {workspace.catalogue.canonical(name) or name for name in names}


def _nothing_to_measure(plan: Plan, request: BenchRequest) -> EdgebakeError:
    views = {
        view.pin.name: view.recipe.bench is not None
        for target in plan.targets
        for platform in target.platforms
        for view in plan.compilation.plan_of(target.bake_target).views_on(platform)
    }
    for name in request.recipes:
        if name not in views:
            hints = did_you_mean(name, views, kind="recipe")
            return EdgebakeError(f"no selected image has the recipe {name!r}", hints=hints)
    there = sorted(name for name, has_bench in views.items() if has_bench)
    hints = tuple(f"other recipes of these images have: --recipe {name}" for name in there[:1])
    write_one = "write one, and name it in recipe.yaml: bench: {script: bench.py}"
    return EdgebakeError("none of the selected recipes has a bench", hints=(*hints, write_one))


# ── measuring


def _measured(one: Loaded, request: BenchRequest, engine: Engine, report: Report) -> ImageBench:
    name = one.target.bake_target
    plan = one.plan.compilation.plan_of(name)
    emulated = one.platform != engine.platform
    subject = Subject(one.reference, one.platform, _flags(plan, engine, emulated=emulated))
    cases = _benches(one.plan, one.target, one.platform, request)
    gpu = any(word in ("--runtime", "--gpus", "--device") for word in subject.flags)
    digest, size = _digest_and_size(one.reference)
    where = f"{name.image} on {name.target} ({one.platform}{', emulated' if emulated else ''})"
    return ImageBench(
        image=name.image,
        target=name.target,
        platform=one.platform,
        emulated=emulated,
        gpu=gpu,
        reference=one.reference,
        digest=digest,
        size=size,
        releases={
            view.pin.name: view.pin.release.version if view.pin.loaded.is_versioned else ""
            for view in plan.views_on(one.platform)
        },
        benches=_all_runs(subject, cases, request, gpu=gpu, report=lambda text: report(f"{where}: {text}")),
    )


def _flags(plan: ImagePlan, engine: Engine, *, emulated: bool) -> tuple[str, ...]:
    """Return the words of `docker run` for the machine's GPU, if the image is built for one and there is one."""
    machine = engine.machine
    if machine is None or emulated or not machine.gpus or plan.target.cuda is None:
        return ()
    choice = Choice(without=frozenset(GROUPS) - frozenset(_GROUPS))
    return tuple(word for flag in machine_flags(machine, Files(), choice, {}, gpu=True) for word in flag.words)


def _digest_and_size(reference: str) -> tuple[str, int]:
    done = docker("image", "inspect", "--format", "{{.Id}} {{.Size}}", reference)
    if done.returncode != 0:
        raise EdgebakeError(f"the engine does not have {reference}", reason=last_line(done.stderr))
    digest, size = done.stdout.split()
    return digest, int(size)


def _all_runs(
    subject: Subject, cases: Sequence[Case], request: BenchRequest, *, gpu: bool, report: Report
) -> tuple[RecipeBench, ...]:
    """Run all benches once, then all a second time, and so on: what a machine does meanwhile meets all of them."""
    collected = [Collected(case) for case in cases]
    for one in collected:
        if one.case.gpu and not gpu:
            one.skipped = "it needs a GPU, and containers get none here"
    for number in range(1, request.runs + 1):
        for one in collected:
            if one.is_open:
                outcome = run_bench(subject, one.case, request.seconds, sample=one.wants_samples)
                one.add(outcome)
                report(f"{one.case.title}, run {number} of {request.runs} ({outcome.seconds:.1f}s)")
    return tuple(one.result() for one in collected)
