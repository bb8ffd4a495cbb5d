"""`edgebake bake`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.options import (
    CaBundle,
    Exclude,
    ImageName,
    Locked,
    Mirrors,
    Names,
    Platforms,
    Select,
    Targets,
)
from edgebake.cli.waiting import Waiting
from edgebake.execute.progress_mode import Mode

if TYPE_CHECKING:
    from edgebake.execute.executor import Executor
    from edgebake.execute.policy import Policy
    from edgebake.model.request import Request
    from edgebake.pipeline import Look, Observed, Pipeline
    from edgebake.plan.builder import Plan
    from edgebake.plan.steps import Output


def bake(
    names: Names = None,
    target: Targets = None,
    platform: Platforms = None,
    select: Select = None,
    exclude: Exclude = None,
    name: ImageName = None,
    push: Annotated[bool, typer.Option("--push", help="Push to the registry.")] = False,
    digests: Annotated[
        Path | None,
        typer.Option("--digests", metavar="DIR", help="Record there what was pushed, for `edgebake publish`."),
    ] = None,
    load: Annotated[bool, typer.Option("--load", help="Load into the local engine.")] = False,
    test: Annotated[
        bool | None,
        typer.Option("--test/--no-test", help="Run the images' tests first; with --push that is the default."),
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", "-k", help="After a failure, go on with what does not depend on it.")
    ] = False,
    retries: Annotated[
        int,
        typer.Option("--retries", metavar="N", min=0, help="Try again after a fault of network, registry, engine."),
    ] = 2,
    step_timeout: Annotated[
        str | None,
        typer.Option("--step-timeout", metavar="DURATION", help="Stop a step that takes longer: 90s, 20m, 2h."),
    ] = None,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="DURATION", help="Stop everything after that time.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="What the last bake has finished counts, even with --force or --no-cache."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Build what is up to date, too.")] = False,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the bake file, as Buildx's --set."),
    ] = None,
    variable: Annotated[
        list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Set a variable of the bake file.")
    ] = None,
    registry: Annotated[
        str | None, typer.Option("--registry", metavar="REPOSITORY", help="Push there, not to the project's.")
    ] = None,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Value of the bake file's TAG.")] = None,
    builder: Annotated[
        str | None,
        typer.Option("--builder", metavar="NAME", help="Buildx builder.", autocompletion=complete.builders),
    ] = None,
    mirror: Mirrors = None,
    ca_bundle: CaBundle = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Build everything again.")] = False,
    no_reuse: Annotated[
        bool, typer.Option("--no-reuse", help="Neither take published stages from `stacks` nor publish any.")
    ] = False,
    shown: Annotated[
        Mode | None,
        typer.Option("--progress", help="How it is shown as it goes: a table, lines, JSON lines, or not at all."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress: --progress quiet.")] = False,
    timeline: Annotated[
        Path | None,
        typer.Option("--timeline", metavar="FILE", help="Draw what ran, and the critical path, as an HTML page."),
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="I/N",
            help="Only shard I of `edgebake plan --shards N`; 0/N: stages that these share.",
        ),
    ] = None,
    shards: Annotated[
        Path | None,
        typer.Option("--shards", metavar="FILE", help="The shards, as `plan --shards N --json` printed them."),
    ] = None,
    locked: Locked = False,
) -> None:
    """Build images: do what `edgebake plan` shows.

    What is up to date is left alone. A bake that failed, was interrupted or was killed goes on where it was
    stopped: call it again. A build of some platforms only never touches the declared tags: it is pushed by digest,
    or under its key. Shard 0/N publishes the stages that several shards need, and builds no image.

    Example: edgebake bake detector --platform linux/arm64 --push --digests digests

    Example: edgebake bake --select group:llm --exclude target:jetpack-*
    """
    from edgebake.errors import EdgebakeError

    if push and load:
        raise EdgebakeError("--push and --load exclude each other")
    if digests and not push:
        raise EdgebakeError("--digests records what is pushed", hints=("add --push",))
    if quiet and shown not in (None, Mode.quiet):
        raise EdgebakeError(f"--quiet and --progress {shown.value} exclude each other")
    shown = Mode.quiet if quiet else shown or Mode.auto
    digests = digests.absolute() if digests else None
    timeline = _page(timeline)
    with Waiting("planning what to build", shown=shown != Mode.quiet):
        from edgebake.cli.options import pairs, print_scope_notes, request_of, settings_of
        from edgebake.execute.policy import Policy
        from edgebake.pipeline import Pipeline, shard_of
        from edgebake.state.current import Wish
        from edgebake.state.stacks import looker

        request = request_of(names, target, platform, name, select, exclude)
        settings = replace(
            settings_of(variable, registry, tag, ca_bundle),
            builder=builder,
            overrides=tuple(overrides or ()),
            mirrors=pairs(mirror, "--mirror"),
            no_cache=no_cache,
        )
        output: Output = "push" if push else "load" if load else "cache"
        wish = Wish(output, push if test is None else test, force or no_cache, resume)
        policy = Policy(
            keep_going, retries, _seconds(step_timeout, "--step-timeout"), _seconds(timeout, "--timeout")
        )
        look: Look | None = None if no_reuse else looker(settings)
        narrow = shard_of(shard, shards)
        sharing = _is_shared(shard, push=push, no_reuse=no_reuse)
        pipeline = Pipeline(Path.cwd(), request, locked=locked)
        observed = pipeline.observed(settings, wish, look=look, narrow=narrow)
    from edgebake.cli.summary import Summary

    print_scope_notes(observed.plan.scope)
    executor = _executor(pipeline, observed, policy, resume=resume, shown=shown)
    if sharing:
        with _drawn(timeline, observed.plan, executor):
            _publish_shared(executor, observed.plan, json_output=json_output)
        return
    subject = f"shard-{shard.replace('/', '-of-')}" if shard else ""
    with (
        _recorded(digests, subject, observed, executor),
        _drawn(timeline, observed.plan, executor),
        Summary(executor, json_output=json_output),
    ):
        executor.run()


def _seconds(text: str | None, option: str) -> float:
    from edgebake.text.duration import parse_duration

    return parse_duration(text, option) if text else 0.0


def _is_shared(shard: str | None, *, push: bool, no_reuse: bool) -> bool:
    """Tell whether a shard is what the others share.

    Raises:
        EdgebakeError: it is, and could not be published.
    """
    from edgebake.errors import EdgebakeError
    from edgebake.plan.shards import parse_shard

    if shard is None or parse_shard(shard)[0] != 0:
        return False
    if not push:
        raise EdgebakeError("--shard 0/N publishes what shards share", hints=("add --push",))
    if no_reuse:
        raise EdgebakeError("--shard 0/N and --no-reuse exclude each other")
    return True


def _publish_shared(executor: Executor, plan: Plan, *, json_output: bool) -> None:
    """Publish what shards share; no image is built, so no digest is recorded.

    Raises:
        EdgebakeError: keys mean nothing for this bake, or something failed.
    """
    from edgebake.cli.summary import Summary
    from edgebake.errors import EdgebakeError
    from edgebake.plan.shared import why_nothing_to_publish
    from edgebake.plan.steps import PublishStages

    if plan.snapshot is not None and plan.snapshot.off:
        raise EdgebakeError("--shard 0/N publishes stages, and cannot here", reason=plan.snapshot.off)
    with Summary(executor, json_output=json_output):
        executor.run()
    published = [step for step in plan.steps if isinstance(step, PublishStages)]
    number = sum(len(step.stages) for step in published)
    if published:
        text = f"{number} {'stage' if number == 1 else 'stages'} published to {published[0].repository}"
    else:
        why = why_nothing_to_publish(plan.compilation, plan.targets, plan.scope.sharing or ())
        text = f"Nothing to publish: {why}."
    typer.echo(text, err=json_output)


def _executor(pipeline: Pipeline, observed: Observed, policy: Policy, *, resume: bool, shown: Mode) -> Executor:
    """Return what executes a plan. The project's folder becomes the working one: paths in a bake file need it."""
    import os
    import sys

    from edgebake.execute.executor import Executor
    from edgebake.execute.progress import make_progress
    from edgebake.plan.explain import stack_notes

    project = pipeline.workspace
    _refuse_missing_bundle(observed.settings.variables.get("CA_BUNDLE") or project.project.ca_bundle)
    for note in stack_notes(observed.plan):
        typer.echo(f"note: {note}", err=True)
    os.chdir(project.root)
    if resume:
        policy = replace(policy, resumes=pipeline.history.resumable)
    progress = make_progress(shown, sys.stderr, observed.settings.environment)
    return Executor(observed.plan, observed.settings, progress, pipeline.compiled.tree.write, policy)


@contextmanager
def _recorded(digests: Path | None, subject: str, observed: Observed, executor: Executor) -> Iterator[None]:
    """Write the digest file in the end: what a bake that fails has pushed is there all the same."""
    try:
        yield
    finally:
        if digests:
            from edgebake.execute.publish import digest_parts
            from edgebake.state.digest_files import subject_name, write_digest_file

            name = subject or subject_name(_words(observed.plan.scope.request))
            write_digest_file(digests, name, digest_parts(observed.plan, observed.settings, executor.results))


def _words(request: Request) -> list[str]:
    """Return what was selected, as it was written."""
    without = [f"without-{text}" for text in request.exclude]
    return [*request.names, *request.targets, *request.platforms, *request.select, *without]


def _page(file: Path | None) -> Path | None:
    """Return where a page is written, whatever the working folder is then.

    Raises:
        EdgebakeError: a folder is there.
    """
    from edgebake.errors import EdgebakeError

    if file is not None and file.is_dir():
        raise EdgebakeError(f"--timeline {str(file)!r} is a folder", hints=("name a file: --timeline build.html",))
    return file.absolute() if file else None


@contextmanager
def _drawn(file: Path | None, plan: Plan, executor: Executor) -> Iterator[None]:
    """Draw what ran in the end, also of a bake that failed or was interrupted."""
    outcome = "failed"
    try:
        yield
        outcome = "done"
    except KeyboardInterrupt:
        outcome = "interrupted"
        raise
    finally:
        if file is not None:
            from edgebake.execute.timeline import timeline_page
            from edgebake.system.atomic import write_file

            page = timeline_page(plan.compilation.workspace.root, executor.recording, executor.modes, outcome)
            write_file(file, page.encode())


def _refuse_missing_bundle(path: str | None) -> None:
    from edgebake.errors import EdgebakeError

    # Buildx gives a build an empty secret, or fails without a word of why.
    if path and not Path(path).is_file():
        raise EdgebakeError(f"there is no certificate bundle {path!r}", hints=("see --ca-bundle and ca_bundle",))
