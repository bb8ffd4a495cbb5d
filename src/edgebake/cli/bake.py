"""`edgebake bake`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgebake.cli.options import CaBundle, ImageName, Locked, Mirrors, Names, Platforms, Targets


def bake(
    names: Names = None,
    target: Targets = None,
    platform: Platforms = None,
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
    builder: Annotated[str | None, typer.Option("--builder", metavar="NAME", help="Buildx builder.")] = None,
    mirror: Mirrors = None,
    ca_bundle: CaBundle = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Build everything again.")] = False,
    no_reuse: Annotated[
        bool, typer.Option("--no-reuse", help="Neither take published stages from `stacks` nor publish any.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    shard: Annotated[
        str | None, typer.Option("--shard", metavar="I/N", help="Only shard I of `edgebake plan --shards N`.")
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
    or under its key.
    Example: edgebake bake detector --platform linux/arm64 --push --digests digests
    """
    import sys

    from edgebake.api import observed_plan
    from edgebake.cli.options import pairs
    from edgebake.cli.summary import Summary
    from edgebake.duration import parse_duration
    from edgebake.errors import EdgebakeError
    from edgebake.execute.current import Wish
    from edgebake.execute.executor import Executor
    from edgebake.execute.inject import prepared
    from edgebake.execute.policy import Policy
    from edgebake.execute.progress import Progress
    from edgebake.execute.settings import Settings
    from edgebake.execute.stacks import looker
    from edgebake.plan.explain import stack_notes
    from edgebake.plan.selection import Selection

    if push and load:
        raise EdgebakeError("--push and --load exclude each other")
    if digests and not push:
        raise EdgebakeError("--digests records what is pushed", hints=("add --push",))
    step_seconds = parse_duration(step_timeout, "--step-timeout") if step_timeout else 0.0
    all_seconds = parse_duration(timeout, "--timeout") if timeout else 0.0
    digests = digests.absolute() if digests else None
    selection = Selection(tuple(names or ()), tuple(target or ()), tuple(platform or ()), name)
    variables = pairs(variable, "--var")
    variables |= {k: v for k, v in (("REGISTRY", registry), ("TAG", tag), ("CA_BUNDLE", ca_bundle)) if v}
    settings = Settings(builder, variables, tuple(overrides or ()), pairs(mirror, "--mirror"), no_cache)
    wish = Wish(
        "push" if push else "load" if load else "cache", push if test is None else test, force or no_cache, resume
    )
    look = None if no_reuse else looker(settings)
    narrow = None
    if shard is not None or shards is not None:
        from functools import partial

        from edgebake.narrow import shard_selection

        narrow = partial(shard_selection, shard=shard, file=shards)
    plan, compiled, history = observed_plan(
        Path.cwd(), selection, settings, wish, locked=locked, look=look, narrow=narrow
    )
    _refuse_missing_bundle(variables.get("CA_BUNDLE") or compiled.compilation.workspace.project.ca_bundle)
    settings = prepared(compiled.compilation, settings)
    for note in stack_notes(plan):
        typer.echo(f"note: {note}", err=True)
    progress = Progress(sys.stderr, terminal=sys.stderr.isatty(), quiet=quiet)
    import os

    # Paths in a bake file are relative to the working directory.
    os.chdir(compiled.compilation.workspace.root)
    policy = Policy(keep_going, retries, step_seconds, all_seconds, history.resumable if resume else ())
    executor = Executor(plan, settings, progress, lambda: compiled.tree.write(), policy)
    summary = Summary(executor, json_output=json_output)
    try:
        with summary:
            executor.run()
    finally:  # what a bake that fails has pushed is there all the same
        if digests:
            from edgebake.execute.publish import digest_parts
            from edgebake.publishing.digest_files import subject_name, write_digest_file

            subject = subject_name([*selection.names, *selection.targets, *selection.platforms])
            if shard is not None:
                subject = f"shard-{shard.replace('/', '-of-')}"
            write_digest_file(digests, subject, digest_parts(plan, settings, executor.results))


def _refuse_missing_bundle(path: str | None) -> None:
    from edgebake.errors import EdgebakeError

    # Buildx gives a build an empty secret, or fails without a word of why.
    if path and not Path(path).is_file():
        raise EdgebakeError(f"there is no certificate bundle {path!r}", hints=("see --ca-bundle and ca_bundle",))
