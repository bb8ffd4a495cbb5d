"""`edgebake bake`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli.options import (
    Builder,
    CaBundle,
    Exclude,
    ImageName,
    JsonOutput,
    Locked,
    Mirrors,
    Names,
    Platforms,
    Quiet,
    Registry,
    Select,
    Tag,
    Targets,
    Variables,
    pairs,
    print_scope_notes,
    request_of,
    settings_of,
)
from edgebake.cli.waiting import Waiting
from edgebake.errors import EdgebakeError
from edgebake.execute.progress.mode import Mode

if TYPE_CHECKING:
    from edgebake.execute.executor import Executor
    from edgebake.execute.policy import Policy
    from edgebake.model.request import Request
    from edgebake.pipeline import Observed, Pipeline
    from edgebake.plan.builder import Plan
    from edgebake.plan.settings import Settings
    from edgebake.state.current import Wish

Push = Annotated[bool, typer.Option("--push", help="Push to the registry.")]
Digests = Annotated[
    Path | None,
    typer.Option("--digests", metavar="DIR", help="Record what was pushed there, for `edgebake publish`."),
]
Load = Annotated[bool, typer.Option("--load", help="Load into the local engine.")]
Test = Annotated[
    bool | None, typer.Option("--test/--no-test", help="Run the images' tests first; the default with --push.")
]
KeepGoing = Annotated[
    bool, typer.Option("--keep-going", "-k", help="After a failure, build what does not depend on it.")
]
Retries = Annotated[
    int, typer.Option("--retries", metavar="N", min=0, help="Retry after a fault of network, registry or engine.")
]
StepTimeout = Annotated[
    str | None,
    typer.Option("--step-timeout", metavar="DURATION", help="Stop a step after that time: 90s, 20m, 2h."),
]
Timeout = Annotated[
    str | None, typer.Option("--timeout", metavar="DURATION", help="Stop everything after that time.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="What the last bake has finished counts, even with --force or --no-cache.")
]
Force = Annotated[bool, typer.Option("--force", help="Also build what is up to date.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the bake file, like Buildx's --set."),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Build everything again.")]
NoReuse = Annotated[
    bool, typer.Option("--no-reuse", help="Neither take published stages from `stacks` nor publish any.")
]
ProgressMode = Annotated[
    Mode | None,
    typer.Option("--progress", help="Show progress as a table, as lines, as JSON lines, or not at all."),
]
Timeline = Annotated[
    Path | None,
    typer.Option("--timeline", metavar="FILE", help="Draw what ran, and the critical path, as an HTML page."),
]
Shard = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Only shard I of `plan --shards N`; 0/N: the stages that these share.",
    ),
]
ShardsFile = Annotated[
    Path | None,
    typer.Option("--shards", metavar="FILE", help="The shards, as `plan --shards N --json` printed them."),
]


@dataclass(frozen=True)
class BakeOptions:
    """What is built, and how; `digests`, `timeline`: where the pushed digests and the drawing are written.

    Raises:
        EdgebakeError: two of them contradict each other.
    """

    settings: Settings
    policy: Policy
    wish: Wish
    reuse: bool
    shard: str | None
    shards_file: Path | None
    digests: Path | None
    timeline: Path | None
    progress: Mode

    def __post_init__(self) -> None:
        push = self.wish.output == "push"
        if self.digests and not push:
            raise EdgebakeError("--digests records what is pushed", hints=("add --push",))
        if self.timeline and self.timeline.is_dir():
            hints = ("name a file: --timeline build.html",)
            raise EdgebakeError(f"--timeline {str(self.timeline)!r} is a folder", hints=hints)
        if self.is_shared and not push:
            raise EdgebakeError("--shard 0/N publishes the stages that shards share", hints=("add --push",))
        if self.is_shared and not self.reuse:
            raise EdgebakeError("--shard 0/N and --no-reuse cannot be combined")

    @property
    def is_shared(self) -> bool:
        """Whether only the stages that several shards need are built."""
        from edgebake.plan.shards import parse_shard

        return self.shard is not None and parse_shard(self.shard)[0] == 0

    @property
    def subject(self) -> str:
        """What is built, as a part of a digest file's name; "" if no shard is named."""
        return f"shard-{self.shard.replace('/', '-of-')}" if self.shard else ""


def bake(
    names: Names = None,
    target: Targets = None,
    platform: Platforms = None,
    select: Select = None,
    exclude: Exclude = None,
    name: ImageName = None,
    push: Push = False,
    digests: Digests = None,
    load: Load = False,
    test: Test = None,
    keep_going: KeepGoing = False,
    retries: Retries = 2,
    step_timeout: StepTimeout = None,
    timeout: Timeout = None,
    resume: Resume = False,
    force: Force = False,
    overrides: Overrides = None,
    variable: Variables = None,
    registry: Registry = None,
    tag: Tag = None,
    builder: Builder = None,
    mirror: Mirrors = None,
    ca_bundle: CaBundle = None,
    no_cache: NoCache = False,
    no_reuse: NoReuse = False,
    shown: ProgressMode = None,
    quiet: Quiet = False,
    timeline: Timeline = None,
    json_output: JsonOutput = False,
    shard: Shard = None,
    shards: ShardsFile = None,
    locked: Locked = False,
) -> None:
    """Build images: do what `edgebake plan` shows.

    What is up to date is not built. A bake that failed, was interrupted or was killed continues where it was
    stopped: run it again. A build of some platforms only never touches the declared tags: it is pushed by digest,
    or under its key. Shard 0/N publishes the stages that several shards need, and builds no image.

    Example: edgebake bake detector --platform linux/arm64 --push --digests digests

    Example: edgebake bake --select group:llm --exclude target:jetpack-*
    """
    mode = _mode(shown, quiet)
    with Waiting("planning what to build", shown=mode is not Mode.quiet):
        from edgebake.pipeline import Pipeline

        request = request_of(names, target, platform, name, select, exclude)
        settings = settings_of(variable, registry, tag, ca_bundle)
        mirrors, changes = pairs(mirror, "--mirror"), tuple(overrides or ())
        settings = replace(settings, builder=builder, overrides=changes, mirrors=mirrors, no_cache=no_cache)
        policy = _policy(keep_going, retries, step_timeout, timeout)
        wish = _wish(push, load, test, force or no_cache, resume)
        files = (shards, digests and digests.absolute(), timeline and timeline.absolute())
        options = BakeOptions(settings, policy, wish, not no_reuse, shard, *files, mode)
        pipeline = Pipeline(Path.cwd(), request, locked=locked)
        observed = _observed(pipeline, options)
    _run(pipeline, observed, options, json_output=json_output)


def _mode(shown: Mode | None, quiet: bool) -> Mode:
    if quiet and shown not in (None, Mode.quiet):
        raise EdgebakeError(f"--quiet and --progress {shown.value} cannot be combined")
    return Mode.quiet if quiet else shown or Mode.auto


def _policy(keep_going: bool, retries: int, step_timeout: str | None, timeout: str | None) -> Policy:
    from edgebake.execute.policy import Policy
    from edgebake.text.duration import parse_duration

    step_seconds = parse_duration(step_timeout, "--step-timeout") if step_timeout else 0.0
    return Policy(keep_going, retries, step_seconds, parse_duration(timeout, "--timeout") if timeout else 0.0)


def _wish(push: bool, load: bool, test: bool | None, force: bool, resume: bool) -> Wish:
    from edgebake.state.current import Wish

    if push and load:
        raise EdgebakeError("--push and --load cannot be combined")
    return Wish("push" if push else "load" if load else "cache", push if test is None else test, force, resume)


def _observed(pipeline: Pipeline, options: BakeOptions) -> Observed:
    from edgebake.pipeline import shard_of
    from edgebake.state.stacks import looker

    look = looker(options.settings) if options.reuse else None
    narrow = shard_of(options.shard, options.shards_file)
    return pipeline.observed(options.settings, options.wish, look=look, narrow=narrow)


# ── execution


def _run(pipeline: Pipeline, observed: Observed, options: BakeOptions, *, json_output: bool) -> None:
    print_scope_notes(observed.plan.scope)
    executor = _executor(pipeline, observed, options)
    with _drawn(options.timeline, observed.plan, executor):
        if options.is_shared:
            _publish_shared(executor, observed.plan, json_output=json_output)
        else:
            with _recorded(options, observed, executor), _summarised(executor, json_output=json_output):
                executor.run()


def _executor(pipeline: Pipeline, observed: Observed, options: BakeOptions) -> Executor:
    """Return what executes a plan. The project's folder becomes the working one: paths in a bake file need it."""
    from edgebake.cli.console import print_note
    from edgebake.cli.format.plan import stack_notes
    from edgebake.execute.executor import Executor
    from edgebake.execute.progress.factory import make_progress

    workspace, settings, policy = pipeline.workspace, observed.settings, options.policy
    _check_bundle(settings.variables.get("CA_BUNDLE") or workspace.project.ca_bundle)
    for note in stack_notes(observed.plan):
        print_note(note)
    os.chdir(workspace.root)
    if options.wish.resume:
        policy = replace(policy, resumes=pipeline.history.resumable)
    progress = make_progress(options.progress, sys.stderr, settings.environment)
    return Executor(observed.plan, settings, progress, pipeline.compiled.tree.write, policy)


def _check_bundle(path: str | None) -> None:
    # Buildx gives a build an empty secret, or fails without saying why.
    if path and not Path(path).is_file():
        raise EdgebakeError(f"certificate bundle {path!r} not found", hints=("see --ca-bundle and ca_bundle",))


def _publish_shared(executor: Executor, plan: Plan, *, json_output: bool) -> None:
    """Publish the stages that shards share; no image is built, so no digest is recorded.

    Raises:
        EdgebakeError: keys mean nothing for this bake, or something failed.
    """
    from edgebake.cli.console import print_error, print_text
    from edgebake.plan.shared import why_nothing_to_publish
    from edgebake.plan.steps import PublishStages
    from edgebake.text.words import counted

    if plan.snapshot is not None and plan.snapshot.off:
        raise EdgebakeError("the stages that shards share cannot be published", reason=plan.snapshot.off)
    with _summarised(executor, json_output=json_output):
        executor.run()
    published = [step for step in plan.steps if isinstance(step, PublishStages)]
    number = sum(len(step.stages) for step in published)
    if published:
        text = f"{counted(number, 'stage')} published to {published[0].repository}"
    else:
        why = why_nothing_to_publish(plan.compilation, plan.targets, plan.scope.sharing or ())
        text = f"Nothing to publish: {why}."
    (print_error if json_output else print_text)(text)


@contextmanager
def _summarised(executor: Executor, *, json_output: bool) -> Iterator[None]:
    """Print what became of each bake target at the end, also of a bake that failed or was interrupted."""
    from edgebake.cli.console import print_error, print_json, print_text
    from edgebake.cli.format.bake import data, next_steps, text

    def show() -> None:
        if json_output:
            print_json(data(executor.results))
        elif executor.results:
            print_text(*text(executor.results))

    try:
        yield
    except (EdgebakeError, KeyboardInterrupt):
        show()
        if executor.results:
            print_error(next_steps(executor.results))
        raise
    show()


@contextmanager
def _recorded(options: BakeOptions, observed: Observed, executor: Executor) -> Iterator[None]:
    """Write the digest file at the end: it also has what a bake that fails has pushed."""
    try:
        yield
    finally:
        if options.digests:
            from edgebake.publishing.parts import digest_parts
            from edgebake.state.digest_files import subject_name, write_digest_file

            name = options.subject or subject_name(_words(observed.plan.scope.request))
            parts = digest_parts(observed.plan, observed.settings, executor.results)
            write_digest_file(options.digests, name, parts)


def _words(request: Request) -> list[str]:
    """Return what was selected, as it was written."""
    without = [f"without-{text}" for text in request.exclude]
    return [*request.names, *request.targets, *request.platforms, *request.select, *without]


@contextmanager
def _drawn(file: Path | None, plan: Plan, executor: Executor) -> Iterator[None]:
    """Draw what ran at the end, also of a bake that failed or was interrupted."""
    outcome = "failed"
    try:
        yield
        outcome = "done"
    except KeyboardInterrupt:
        outcome = "interrupted"
        raise
    finally:
        if file is not None:
            from edgebake.inspect.timeline import timeline_page
            from edgebake.system.atomic import write_file

            page = timeline_page(plan.compilation.workspace.root, executor.recording, executor.modes, outcome)
            write_file(file, page.encode())
