"""Pushes stages under their keys, before the images that are built on them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.execute.batches import AT_ONCE
from edgebake.execute.buildx import Buildx
from edgebake.execute.events import EventReader
from edgebake.execute.invocation import Invocation
from edgebake.execute.progress.base import Progress
from edgebake.execute.runner import Ended, Job, Policy, Runner
from edgebake.execute.secrets import all_overrides, stage_needs
from edgebake.plan.builder import Plan
from edgebake.plan.frozen import FrozenContext
from edgebake.plan.settings import Settings, bake_variables, cache_variables
from edgebake.plan.steps import Bake, PublishStages
from edgebake.state.stacks import publish_overlay, put_under_keys

Timed = Callable[[Mapping[str, str], EventReader], None]
"""Takes down what an invocation's stages took: see :meth:`edgebake.execute.ledger.Ledger.timed`."""


@dataclass
class StagePublisher:
    """Publishes stages."""

    plan: Plan  # what they are part of
    step: PublishStages
    settings: Settings  # how they are built
    policy: Policy  # what to do about failures
    context: FrozenContext  # what is built from
    _pushed: set[str] = field(default_factory=set)
    # Why something failed, so far. A stage that cannot be built while others go on is no error here if images
    # follow: those that need it report it.
    errors: list[EdgebakeError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._names, self._overlay = publish_overlay(self.step)
        self._stages = dict(zip(self._names, self.step.stages, strict=True))

    def run(self, runner: Runner, progress: Progress, buildx: Buildx, timed: Timed) -> None:
        """Publish the stages.

        Raises:
            EdgebakeError: the registry does not have what was pushed, or does not take a key.
        """
        with tempfile.TemporaryDirectory(prefix="edgebake-") as folder:
            overlay = Path(folder) / "stacks.json"
            overlay.write_text(self._overlay, encoding="utf-8")
            try:
                for invocation in self._invocations(overlay, buildx):
                    self._bake(invocation, runner, progress, timed)
            finally:
                progress.close()
        stages = tuple(published for name, published in self._stages.items() if name in self._pushed)
        put_under_keys(self.plan.compilation, self.settings, replace(self.step, stages=stages))

    def _invocations(self, overlay: Path, buildx: Buildx) -> Iterator[Invocation]:
        compilation, settings = self.plan.compilation, self.settings
        built = {name: published.stage.platforms for name, published in self._stages.items()}
        platforms = sorted({platform for several in built.values() for platform in several})
        variables = {
            **cache_variables(compilation, settings, platforms, writes=False),
            **bake_variables(compilation, settings),
            **self.context.variables(settings),
            "CACHE_TO": "",  # an image's cache is written with the image
        }
        mode = "defer-error," if self.policy.keep_going else ""
        jobs = f"{mode}parallel={AT_ONCE}" if buildx.jobs else ""
        files = [self.context.file(compilation.workspace.project.bake_file), str(overlay)]
        overrides: dict[str, str | Sequence[str]] = {**self.context.overrides}
        for name, published in self._stages.items():
            overrides |= all_overrides(compilation, settings, name, stage_needs(compilation, published.stage.node))
        whole = Invocation(built, files, overrides, variables, settings.builder, jobs=jobs)
        names, size = self._names, len(built) if jobs else AT_ONCE
        yield from (whole.only(names[start : start + size]) for start in range(0, len(names), size))

    def _bake(self, invocation: Invocation, runner: Runner, progress: Progress, timed: Timed) -> None:
        job: Job | None = Job(invocation)
        while job is not None:
            ended = runner.run(job, progress.update)
            names = job.invocation.bake_targets
            timed({name: self._stages[name].stage.node.target for name in names}, ended.events)
            self._pushed.update(ended.done)
            job = self._after_failure(ended, runner) if ended.failures else None

    def _after_failure(self, ended: Ended, runner: Runner) -> Job | None:
        """Return what is published once more."""
        keep_going, retries = self.policy.keep_going, self.policy.retries
        lasting = [f for f in ended.failures if not f.transient or ended.job.attempt > retries]
        transient = next((failure for failure in ended.failures if failure not in lasting), None)
        reported_later = keep_going and any(isinstance(step, Bake) for step in self.plan.steps)
        self.errors += [failure.error() for failure in lasting if not (failure.stage and reported_later)]
        if lasting and not (keep_going and all(failure.bake_targets for failure in lasting)):
            return None
        over = self._pushed.union(*(failure.bake_targets for failure in lasting))
        names = [name for name in ended.job.invocation.bake_targets if name not in over]
        return runner.again(ended.job, names, transient) if names else None
