"""Pushes stages under their keys, before the images that are built on them."""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from edgebake.errors import EdgebakeError
from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.invocation import Invocation
from edgebake.execute.ledger import Baked
from edgebake.execute.policy import Policy, delay
from edgebake.execute.pool import Ended, Job, OnSteps, Pool
from edgebake.execute.progress.base import Progress
from edgebake.plan.builder import Plan
from edgebake.plan.settings import Settings, bake_variables, cache_variables
from edgebake.plan.steps import Bake, PublishStages
from edgebake.state.stacks import publish_overlay, put_under_keys

MakePool = Callable[[OnSteps], Pool]
Timed = Callable[[Mapping[str, Baked], EventReader], None]
"""Takes down what an invocation's stages took: see :meth:`edgebake.execute.ledger.Ledger.timed`."""


class StagePublisher:
    """Publishes stages.

    Args:
        plan: what they are part of.
        settings: how.
        policy: what to do about failures.
        progress: shows it.
        pool: makes a pool that calls what it is given.
        timed: takes down what stages took.
    """

    def __init__(
        self, plan: Plan, settings: Settings, policy: Policy, progress: Progress, pool: MakePool, timed: Timed
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._policy = policy
        self._progress = progress
        self._pool = pool
        self._timed = timed
        self._images_follow = any(isinstance(one, Bake) for one in plan.steps)

    def run(self, step: PublishStages) -> list[EdgebakeError]:
        """Publish what a step names; return why something failed.

        A stage that cannot be built while others go on is no error here if images follow: those that need it tell.

        Raises:
            EdgebakeError: the registry does not have what was pushed, or does not take a key.
        """
        names, text = publish_overlay(step)
        with tempfile.TemporaryDirectory(prefix="edgebake-") as folder:
            overlay = Path(folder) / "stacks.json"
            overlay.write_text(text, encoding="utf-8")
            pushed, errors = self._bake(self._invocation(step, names, overlay), step)
        stages = tuple(one for name, one in zip(names, step.stages, strict=True) if name in pushed)
        put_under_keys(self._plan.compilation, self._settings, replace(step, stages=stages))
        return errors

    def _invocation(self, step: PublishStages, names: list[str], overlay: Path) -> Invocation:
        compilation = self._plan.compilation
        project = compilation.workspace.project
        platforms = sorted({platform for one in step.stages for platform in one.stage.platforms})
        variables = {
            **cache_variables(compilation, self._settings, platforms, writes=False),
            **bake_variables(compilation, self._settings),
            "CACHE_TO": "",  # an image's cache is written with the image
        }
        files = [project.bake_file, str(overlay)]
        return Invocation(names, files, {}, variables, self._settings.builder, platforms=platforms)

    def _bake(self, together: Invocation, step: PublishStages) -> tuple[set[str], list[EdgebakeError]]:
        named = zip(together.bake_targets, (one.stage for one in step.stages), strict=True)
        baked = {name: (stage.node.target, stage.platforms) for name, stage in named}
        apart = [together.only([name]) for name in together.bake_targets]
        queue = deque(Job(one) for one in (apart if self._policy.keep_going else [together]))
        pushed: set[str] = set()
        errors: list[EdgebakeError] = []
        try:
            with closing(self._pool(self._on_steps).run(queue)) as ends:
                for ended in ends:
                    names = ended.job.invocation.bake_targets
                    self._timed({name: baked[name] for name in names}, ended.events)
                    if ended.failure is None:
                        pushed |= set(names)
                    else:
                        errors += self._failed(ended, queue)
        finally:
            self._progress.close()
        return pushed, errors

    def _on_steps(self, job: Job, events: EventReader, ended: list[BuildStep]) -> None:
        self._progress.update(events, ended)

    def _failed(self, ended: Ended, queue: deque[Job]) -> list[EdgebakeError]:
        failure, job = ended.failure, ended.job
        assert failure is not None
        if failure.passing and job.attempt <= self._policy.retries:
            seconds = delay(job.attempt)
            self._progress.retry(f"{job.attempt} of {self._policy.retries}", seconds, failure.short)
            queue.append(Job(job.invocation, job.attempt + 1, time.monotonic() + seconds))
            return []
        told_later = failure.stage and self._policy.keep_going and self._images_follow
        return [] if told_later else [failure.error()]
