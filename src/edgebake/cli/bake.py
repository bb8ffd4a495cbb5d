"""`edgebake bake`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.cli.command import Words, command, command_options, flag, option
from edgebake.cli.console import Waiting, print_error, print_json, print_notes, print_text
from edgebake.cli.options import (
    BUILDER,
    JSON,
    LOCK_TIMEOUT,
    LOCKED,
    MIRRORS,
    QUIET,
    SECRETS,
    SSH_KEYS,
    BakeFileOptions,
    SelectOptions,
    absolute,
    checkout_lock,
    key_places,
    pairs,
    refuse_together,
    secret_places,
)
from edgebake.errors import EdgebakeError
from edgebake.execute.progress import Mode
from edgebake.model.request import Request

if TYPE_CHECKING:
    from edgebake.execute.executor import Executor
    from edgebake.execute.runner import Policy
    from edgebake.model.project import Project
    from edgebake.pipeline import Observed, Pipeline
    from edgebake.plan.builder import Plan
    from edgebake.plan.settings import Settings
    from edgebake.state.current import Wish


@command_options
class BakeOptions(BakeFileOptions, SelectOptions):
    """What is built, and how.

    Raises:
        EdgebakeError: two of them contradict each other, or a value is wrong.
    """

    push: bool = flag("Push to the registry.")
    digests: Path | None = option("Record what was pushed there, for `edgebake publish`.", metavar="DIR")
    load: bool = flag("Load into the local engine.")
    test: bool | None = option("Run the images' tests first; the default with --push.", "--test/--no-test")
    keep_going: bool = flag("After a failure, build what does not depend on it (Buildx 0.38 or later).", "-k")
    retries: int = option("Retry after a fault of network, registry or engine.", metavar="N", default=2, min=0)
    step_timeout: str | None = option("Stop a step after that time: 90s, 20m, 2h.", metavar="DURATION")
    timeout: str | None = option("Stop everything after that time.", metavar="DURATION")
    resume: bool = flag("What the last bake has finished counts, even with --force or --no-cache.")
    force: bool = flag("Also build what is up to date.")
    overrides: Words = option(
        "Override a value of the bake file, like Buildx's --set.", "--set", metavar="KEY=VALUE"
    )
    builder: str | None = BUILDER
    mirror: Words = MIRRORS
    secret: Words = SECRETS
    ssh: Words = SSH_KEYS
    no_cache: bool = flag("Build everything again.")
    no_reuse: bool = flag("Neither take published stages from `stacks` nor publish any.")
    shown: Mode | None = option("Show progress as a table, as lines, as JSON lines, or not at all.", "--progress")
    quiet: bool = QUIET
    timeline: Path | None = option("Draw what ran, and the critical path, as an HTML page.", metavar="FILE")
    json_output: bool = JSON
    shard: str | None = option(
        "Only shard I of `plan --shards N`; 0/N: the stages that these share.", metavar="I/N"
    )
    shards: Path | None = option("The shards, as `plan --shards N --json` printed them.", metavar="FILE")
    locked: bool = LOCKED
    lock_timeout: str | None = LOCK_TIMEOUT

    def __post_init__(self) -> None:
        refuse_together(push=self.push, load=self.load)
        if self.quiet and self.shown not in (None, Mode.quiet):
            raise EdgebakeError(f"--quiet and --progress {self.shown.value} cannot be combined")
        if self.digests and not self.push:
            raise EdgebakeError("--digests records what is pushed", hints=("add --push",))
        if self.timeline and self.timeline.is_dir():
            hints = ("name a file: --timeline build.html",)
            raise EdgebakeError(f"--timeline {str(self.timeline)!r} is a folder", hints=hints)
        if self.is_shared and not self.push:
            raise EdgebakeError("--shard 0/N publishes the stages that shards share", hints=("add --push",))
        if self.is_shared and self.no_reuse:
            raise EdgebakeError("--shard 0/N and --no-reuse cannot be combined")

    @property
    def settings(self) -> Settings:
        """How Buildx is called."""
        return replace(
            super().settings,
            builder=self.builder,
            overrides=self.overrides,
            mirrors=pairs(self.mirror, "--mirror"),
            secrets=secret_places(self.secret),
            ssh=key_places(self.ssh),
            no_cache=self.no_cache,
        )

    @property
    def policy(self) -> Policy:
        """What is done about failures."""
        from edgebake.execute.runner import Policy
        from edgebake.text.duration import parse_duration

        step, whole = self.step_timeout, self.timeout
        step_seconds = parse_duration(step, "--step-timeout") if step else 0.0
        seconds = parse_duration(whole, "--timeout") if whole else 0.0
        return Policy(self.keep_going, self.retries, step_seconds, seconds)

    @property
    def wish(self) -> Wish:
        """Where results go, and what of earlier ones counts."""
        from edgebake.state.current import Wish

        test = self.push if self.test is None else self.test
        output = "push" if self.push else "load" if self.load else "cache"
        return Wish(output, test, self.force or self.no_cache, self.resume)  # type: ignore[arg-type]

    @property
    def progress(self) -> Mode:
        """How progress is shown."""
        return Mode.quiet if self.quiet else self.shown or Mode.auto

    @property
    def is_shared(self) -> bool:
        """Whether only the stages that several shards need are built."""
        from edgebake.plan.shards import parse_shard

        return self.shard is not None and parse_shard(self.shard)[0] == 0

    @property
    def subject(self) -> str:
        """What is built, as a part of a digest file's name; "" if no shard is named."""
        return f"shard-{self.shard.replace('/', '-of-')}" if self.shard else ""


@command(BakeOptions)
def bake(options: BakeOptions) -> None:
    """Build images: do what `edgebake plan` shows.

    What is up to date is not built. A bake that failed, was interrupted or was killed continues where it was
    stopped: run it again. A build of some platforms only never touches the declared tags: it is pushed by digest,
    or under its key. Shard 0/N publishes the stages that several shards need, and builds no image.

    Example: edgebake bake detector --platform linux/arm64 --push --digests digests

    Example: edgebake bake --select group:llm --exclude target:jetpack-*
    """
    options = replace(options, digests=absolute(options.digests), timeline=absolute(options.timeline))
    with Waiting("planning what to build", shown=options.progress is not Mode.quiet):
        from edgebake.pipeline import Pipeline, shard_of
        from edgebake.state.stacks import looker

        policy, settings = options.policy, options.settings
        pipeline = Pipeline(Path.cwd(), options.request, locked=options.locked)
        look = None if options.no_reuse else looker(settings)
        narrow = shard_of(options.shard, options.shards)
        observed = pipeline.observed(settings, options.wish, look=look, narrow=narrow)
    _run(pipeline, observed, options, policy)


# ── execution


def _run(pipeline: Pipeline, observed: Observed, options: BakeOptions, policy: Policy) -> None:
    print_notes(*observed.plan.scope.notes)
    executor = _executor(pipeline, observed, options, policy)
    with _drawn(options.timeline, observed.plan, executor):
        if options.is_shared:
            _publish_shared(executor, observed.plan, json_output=options.json_output)
        else:
            with _recorded(options, observed, executor), _summarised(executor, json_output=options.json_output):
                executor.run()


def _executor(pipeline: Pipeline, observed: Observed, options: BakeOptions, policy: Policy) -> Executor:
    """Return what executes a plan. The project's folder becomes the working one: paths in a bake file need it."""
    from edgebake.cli.format.plan import stack_notes
    from edgebake.execute.executor import Executor
    from edgebake.execute.progress.factory import make_progress

    workspace, settings = pipeline.workspace, observed.settings
    _check_plumbing(workspace.project, settings)
    print_notes(*stack_notes(observed.plan))
    os.chdir(workspace.root)
    if options.resume:
        policy = replace(policy, resumes=pipeline.history.resumable)
    progress = make_progress(options.progress, sys.stderr, settings.environment)
    lock = checkout_lock("bake", options.lock_timeout)
    return Executor(observed.plan, settings, progress, pipeline.compiled.tree, policy, lock)


def _check_plumbing(project: Project, settings: Settings) -> None:
    """Refuse certificates or wheels that the project's builds would not see, or that do not exist.

    EDGEBAKE_CA_BUNDLE is no error there: it is also for edgebake's own requests, on whatever project.
    """
    if project.wheelhouse is None and "WHEELHOUSE" in settings.variables:
        hint = "name a folder in edgebake.yaml (wheelhouse: wheels), which --var WHEELHOUSE then replaces"
        raise EdgebakeError("the project's builds do not look into a folder of wheels", hints=(hint,))
    if project.ca_bundle is None:
        given = settings.variables.get("CA_BUNDLE")
        if given and given != settings.environment.get("EDGEBAKE_CA_BUNDLE"):
            hint = 'let them in edgebake.yaml (ca_bundle: ""), then run: edgebake compile'
            raise EdgebakeError("the project's builds do not take certificates", hints=(hint,))
        return
    path = settings.variables.get("CA_BUNDLE") or project.ca_bundle
    # Buildx gives a build an empty secret, or fails without saying why.
    if path and not Path(path).is_file():
        raise EdgebakeError(f"certificate bundle {path!r} not found", hints=("see --ca-bundle and ca_bundle",))


def _publish_shared(executor: Executor, plan: Plan, *, json_output: bool) -> None:
    """Publish the stages that shards share; no image is built, so no digest is recorded."""
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
            from edgebake.publishing.collect import digest_parts
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
