"""Walks a plan's steps: writes files, checks the builder, bakes, verifies, remembers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from edgebake.execute.invocation import Invocation, invoke
from edgebake.execute.overrides import bake_overrides
from edgebake.execute.preflight import check_builder
from edgebake.execute.progress import Progress
from edgebake.execute.publish import merge_index, verify_tags
from edgebake.execute.results import Result, rows, with_digest
from edgebake.execute.settings import Settings, bake_variables, cache_variables
from edgebake.execute.stacks import publish_overlay, put_under_keys
from edgebake.interrupt import raise_interrupt
from edgebake.plan.builder import Plan
from edgebake.plan.record import read_record, write_record
from edgebake.plan.steps import Bake, CheckBuilder, MergeIndex, PublishStages, Remember, VerifyIndexes, WriteFiles


class Executor:
    """Executes a plan.

    Args:
        plan: what to do.
        settings: how.
        progress: shows it.
        write: brings the generated files up to date.
    """

    def __init__(self, plan: Plan, settings: Settings, progress: Progress, write: Callable[[], object]) -> None:
        self._plan = plan
        self._compilation = plan.compilation
        self._settings = settings
        self._progress = progress
        self._write = write
        self.results: list[Result] = []

    def run(self) -> list[Result]:
        """Walk the steps.

        Raises:
            EdgebakeError: a step failed; nothing after it was begun.
        """
        raise_interrupt()
        for step in self._plan.steps:
            match step:
                case WriteFiles():
                    self._write()
                case CheckBuilder():
                    check_builder(step, self._settings.builder)
                case PublishStages():
                    self._publish_stages(step)
                case Bake():
                    self._bake(step)
                case VerifyIndexes():
                    self._verify(step)
                case MergeIndex(index):
                    bake_targets = {target.bake_target.name: target.bake_target for target in self._plan.targets}
                    self.results += merge_index(self._compilation, self._settings, index, bake_targets)
                case Remember():
                    self._remember(step)
        return self.results

    def _bake(self, step: Bake) -> None:
        project = self._compilation.workspace.project
        invocation = Invocation(
            [target.name for target in step.bake_targets],
            [f"{project.output}/docker-bake.{project.formats[0]}"],
            bake_overrides(self._plan, step, self._settings),
            self._variables(step.platforms, writes=step.output == "push"),
            self._settings.builder,
            load=step.output == "load",
            no_cache=self._settings.no_cache,
        )
        try:
            outcome = invoke(invocation, self._progress.update)
        finally:
            self._progress.close()
        self.results += rows(step, outcome)

    def _variables(self, platforms: Sequence[str], *, writes: bool) -> dict[str, str]:
        cache = cache_variables(self._compilation, self._settings, platforms, writes=writes)
        return {**cache, **bake_variables(self._compilation, self._settings)}

    def _publish_stages(self, step: PublishStages) -> None:
        project = self._compilation.workspace.project
        names, text = publish_overlay(step)
        platforms = sorted({platform for one in step.stages for platform in one.stage.platforms})
        with tempfile.TemporaryDirectory(prefix="edgebake-") as folder:
            overlay = Path(folder) / "stacks.json"
            overlay.write_text(text, encoding="utf-8")
            invocation = Invocation(
                names,
                [f"{project.output}/docker-bake.{project.formats[0]}", str(overlay)],
                {},
                # An image's cache is written with the image. The metadata of what is published here is not read:
                # its provenance is not worth a second each.
                {
                    **self._variables(platforms, writes=False),
                    "CACHE_TO": "",
                    "BUILDX_METADATA_PROVENANCE": "disabled",
                },
                self._settings.builder,
            )
            try:
                invoke(invocation, self._progress.update)
            finally:
                self._progress.close()
        put_under_keys(self._compilation, self._settings, step)

    def _verify(self, step: VerifyIndexes) -> None:
        for bake_target in step.bake_targets:
            for reference, found in verify_tags(self._compilation, self._settings, bake_target).items():
                self.results = [
                    with_digest(row, reference, found) if row.bake_target == bake_target.name else row
                    for row in self.results
                ]

    def _remember(self, step: Remember) -> None:
        root = self._compilation.workspace.root
        record = read_record(root)
        for bake_target in step.bake_targets:
            for platform in step.platforms:
                record.put(bake_target.name, platform, self._plan.stage_records(bake_target.name, platform))
        write_record(root, record)
