"""`edgebake plan`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgebake.cli import complete
from edgebake.cli.command import Paths, Words, command_options, flag, option
from edgebake.cli.console import print_error, print_json, print_notes, print_result, print_text, write_text
from edgebake.cli.options import (
    CHANGED_SINCE,
    JSON,
    LOCKED,
    MIRRORS,
    UNPUBLISHED,
    BakeFileOptions,
    SelectOptions,
    pairs,
    refuse_together,
)
from edgebake.cli.remembered import Remembered, remembered
from edgebake.errors import EXIT_CHECK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgebake.graph.compile import Compilation
    from edgebake.pipeline import Look, Pipeline
    from edgebake.plan.builder import Plan
    from edgebake.plan.reuse import Snapshot
    from edgebake.plan.settings import Settings
    from edgebake.plan.stacks import Keyed


@command_options
class PlanOptions(BakeFileOptions, SelectOptions):
    """What is planned, what else is looked at, and how the plan is shown.

    Raises:
        EdgebakeError: two of them contradict each other.
    """

    changed_since: str | None = CHANGED_SINCE
    unpublished: bool = UNPUBLISHED
    shards: int | None = option("Cut it for N machines, by platform and weight.", metavar="N", min=1, max=1000)
    timings: Paths = option("What `bake --json` printed, as weights; repeatable.", metavar="FILE")
    builder: str | None = option(
        "Also show what is native and emulated on this builder.", metavar="NAME", complete=complete.builders
    )
    json_output: bool = JSON
    diff: bool = flag("Print what would change in the committed files.")
    check: bool = flag("Exit with 3 if the committed files are stale.")
    locked: bool = LOCKED
    push: bool = flag("Ask the registry what is up to date, as `bake --push` does.")
    load: bool = flag("Ask the engine what is up to date, as `bake --load` does.")
    mirror: Words = MIRRORS
    offline: bool = flag("Do not ask the repository of `stacks` what can be reused.")

    def __post_init__(self) -> None:
        refuse_together(changed_since=self.changed_since is not None, unpublished=self.unpublished)
        refuse_together(push=self.push, load=self.load)

    @property
    def settings(self) -> Settings:
        """How the registry and the engine are asked."""
        return replace(super().settings, mirrors=pairs(self.mirror, "--mirror"))


@remembered(
    PlanOptions,
    *("names", "target", "platform", "name", "json_output", "diff", "check", "locked", "offline"),
    *("variable", "registry", "tag", "mirror", "ca_bundle"),  # for looking elsewhere only
)
def plan(memory: Remembered, options: PlanOptions) -> None:
    """Show what would be built, in order, and why. Builds and writes nothing.

    Without --changed-since, --unpublished and --builder only the project is looked at. Then the output is stored,
    and printed again while nothing has changed; with EDGEBAKE_COMPILE_CACHE=off it is computed each time.

    Example: edgebake plan pytorch transformers --target jetpack-6.2 --name ai-workstation

    Example: edgebake plan --select group:llm,target:jetpack-* --exclude state:unmodified

    Example: edgebake plan --changed-since origin/main --shards 4 --json
    """
    result = _planned(options, memory)
    _print(result, options)
    if options.check and result.files and result.compilation.workspace.document:
        print_error("\nerror: the committed files are stale\n\nhint: to refresh them: edgebake compile")
        raise typer.Exit(EXIT_CHECK)


def _planned(options: PlanOptions, memory: Remembered) -> Plan:
    """Return the plan, and print the notes about what is selected."""
    from edgebake.pipeline import Pipeline

    pipeline = Pipeline(Path.cwd(), options.request, locked=options.locked, opened=memory.opened)
    result = _whole_plan(pipeline, options)
    memory.keeps = result.snapshot is None
    print_notes(*result.scope.notes)
    if options.changed_since is None and not options.unpublished:
        return result
    result, notes = pipeline.changed(result, options.changed_since, options.settings)
    print_notes(*notes)
    return result


def _whole_plan(pipeline: Pipeline, options: PlanOptions) -> Plan:
    look = None if options.offline else _looker(options.settings)
    if not (options.push or options.load):
        return pipeline.plan(look=look)
    from edgebake.state.current import Wish

    wish = Wish("push" if options.push else "load", test=options.push)
    return pipeline.observed(options.settings, wish, look=look).plan


def _looker(settings: Settings) -> Look:
    """Return what asks the repository of stacks. A project without one does not even load the client."""

    def look(compilation: Compilation, stages: Sequence[Keyed]) -> Snapshot:
        from edgebake.state.stacks import looker

        return looker(settings)(compilation, stages)

    return look


# ── output


def _print(result: Plan, options: PlanOptions) -> None:
    if options.shards is not None:
        _print_shards(result, options.shards, options)
    elif options.diff:
        from edgebake.render.writer import unified_diff

        write_text("".join(unified_diff(change) for change in result.files))
    else:
        _print_plan(result, options)


def _print_plan(result: Plan, options: PlanOptions) -> None:
    work = None
    if options.builder is not None:
        from edgebake.execute.builders import inspect, work_by_platform

        work = work_by_platform(result, inspect(options.builder))
    if options.json_output:
        from edgebake.cli.format.plan_data import data

        print_json(data(result, work))
    else:
        from edgebake.cli.format.plan import text

        print_text(text(result, work))


def _print_shards(result: Plan, number: int, options: PlanOptions) -> None:
    from edgebake.cli.format.shards import data, text
    from edgebake.plan.shards import cut, shared_by
    from edgebake.plan.weights import read_timings

    shards = cut(result, number, read_timings(options.timings))
    shared = shared_by(result, shards)
    print_result(as_json=options.json_output, data=lambda: data(shards, shared), text=lambda: text(shards, shared))
