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
    test: Annotated[bool, typer.Option("--test", help="Run the images' tests first; stop if one fails.")] = False,
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    locked: Locked = False,
) -> None:
    """Build images: do what `edgebake plan` shows.

    A build of some platforms only never touches the declared tags: it is pushed by digest, or under its key.
    Example: edgebake bake detector --platform linux/arm64 --push --digests digests
    """
    import sys

    from edgebake.api import make_plan
    from edgebake.cli.options import pairs
    from edgebake.errors import EdgebakeError
    from edgebake.execute.executor import Executor
    from edgebake.execute.inject import prepared
    from edgebake.execute.progress import Progress
    from edgebake.execute.settings import Settings
    from edgebake.plan.selection import Selection

    if push and load:
        raise EdgebakeError("--push and --load exclude each other")
    if digests and not push:
        raise EdgebakeError("--digests records what is pushed", hints=("add --push",))
    digests = digests.absolute() if digests else None
    selection = Selection(tuple(names or ()), tuple(target or ()), tuple(platform or ()), name)
    output = "push" if push else "load" if load else "cache"
    plan, compiled = make_plan(Path.cwd(), selection, output=output, test=test, locked=locked)  # type: ignore[arg-type]
    variables = pairs(variable, "--var")
    variables |= {k: v for k, v in (("REGISTRY", registry), ("TAG", tag), ("CA_BUNDLE", ca_bundle)) if v}
    _refuse_missing_bundle(variables.get("CA_BUNDLE") or compiled.compilation.workspace.project.ca_bundle)
    settings = Settings(builder, variables, tuple(overrides or ()), pairs(mirror, "--mirror"), no_cache)
    settings = prepared(compiled.compilation, settings)
    progress = Progress(sys.stderr, terminal=sys.stderr.isatty(), quiet=quiet)
    import os

    # Paths in a bake file are relative to the working directory.
    os.chdir(compiled.compilation.workspace.root)
    results = Executor(plan, settings, progress, lambda: compiled.tree.write()).run()
    if digests:
        from edgebake.execute.publish import digest_parts
        from edgebake.publishing.digest_files import subject_name, write_digest_file

        subject = subject_name([*selection.names, *selection.targets, *selection.platforms])
        write_digest_file(digests, subject, digest_parts(plan, settings, results))
    from edgebake.cli.summary import summary, summary_as_data

    if json_output:
        import json

        typer.echo(json.dumps(summary_as_data(results), indent=2))
    else:
        typer.echo(summary(results))


def _refuse_missing_bundle(path: str | None) -> None:
    from pathlib import Path

    from edgebake.errors import EdgebakeError

    # Buildx gives a build an empty secret, or fails without a word of why.
    if path and not Path(path).is_file():
        raise EdgebakeError(f"there is no certificate bundle {path!r}", hints=("see --ca-bundle and ca_bundle",))
