"""Runs one bake step: as one invocation, or, to keep going after a failure, with one for each bake target.

One invocation costs least. But Buildx stops all of it when one bake target fails, so with `keep_going` each has its
own, a few side by side; BuildKit runs what they share once.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import closing

from edgebake.errors import EdgebakeError
from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.failures import Failure
from edgebake.execute.invocation import Invocation
from edgebake.execute.ledger import Ledger
from edgebake.execute.overrides import bake_overrides
from edgebake.execute.policy import POOL, Policy, delay
from edgebake.execute.pool import Ended, Job, OnSteps, Pool
from edgebake.execute.progress.base import Progress
from edgebake.execute.publish_stages import StagePublisher
from edgebake.execute.recording import Recording
from edgebake.execute.results import Fate
from edgebake.graph.build_graph import BakeTarget
from edgebake.plan.builder import Plan
from edgebake.plan.settings import Settings, bake_variables, cache_variables
from edgebake.plan.steps import Bake, PublishStages


class Scheduler:
    """Runs bake steps.

    Args:
        plan: what they are part of.
        settings: how.
        policy: what to do about failures.
        ledger: takes down what happens.
        progress: shows it.

    Attributes:
        recording: what ran.
    """

    def __init__(self, plan: Plan, settings: Settings, policy: Policy, ledger: Ledger, progress: Progress) -> None:
        self._plan = plan
        self._settings = settings
        self._policy = policy
        self._ledger = ledger
        self._progress = progress
        self.recording = Recording()
        self._deadline = time.monotonic() + policy.timeout if policy.timeout else 0.0
        self._tested: set[str] = set()

    def run(self, step: Bake) -> list[EdgebakeError]:
        """Bake what of a step is still to be built; return why something failed."""
        targets = [target for target in step.bake_targets if self._ledger.is_open(target)]
        by_name = {target.name: target for target in targets}
        run = _StepRun(self._plan, self._policy, self._ledger, self._progress, step, by_name)
        queue = deque(Job(invocation) for invocation in self._invocations(step, targets))
        try:
            with closing(self._pool(run.on_steps).run(queue)) as ends:
                for ended in ends:
                    run.settle(ended, queue)
        finally:
            self._progress.close()
        if step.bake_targets and step.bake_targets[0].is_test:
            self._tested |= {self._ledger.image_of(target) for target in targets}
        return run.errors

    def publish(self, step: PublishStages) -> list[EdgebakeError]:
        """Push stages under their keys; return why something failed.

        Raises:
            EdgebakeError: the registry does not have what was pushed, or does not take a key.
        """
        publisher = StagePublisher(
            self._plan, self._settings, self._policy, self._progress, self._pool, self._ledger.timed
        )
        return publisher.run(step)

    def _pool(self, on_steps: OnSteps) -> Pool:
        watchers = (self._progress, self.recording)
        limit = self._policy.step_timeout
        return Pool(POOL, on_steps, watchers=watchers, step_timeout=limit, deadline=self._deadline)

    def _invocations(self, step: Bake, targets: Sequence[BakeTarget]) -> Iterable[Invocation]:
        if not targets:
            return
        project = self._plan.compilation.workspace.project
        together = Invocation(
            [target.name for target in targets],
            [project.bake_file],
            {**bake_overrides(self._plan, step, self._settings), **self._no_cache(targets)},
            {
                **cache_variables(
                    self._plan.compilation, self._settings, step.platforms, writes=step.output == "push"
                ),
                **bake_variables(self._plan.compilation, self._settings),
            },
            self._settings.builder,
            load=step.output == "load",
            platforms=step.platforms,
        )
        if not self._policy.keep_going:
            yield together
            return
        yield from (together.only([name]) for name in together.bake_targets)

    def _no_cache(self, targets: Sequence[BakeTarget]) -> dict[str, str]:
        """Build everything again, but once: what was just built for its tests is what they have tested."""
        if not self._settings.no_cache:
            return {}
        return {f"{t.name}.no-cache": "true" for t in targets if t.name not in self._tested}


class _StepRun:
    """One bake step as it runs."""

    def __init__(
        self,
        plan: Plan,
        policy: Policy,
        ledger: Ledger,
        progress: Progress,
        step: Bake,
        targets: dict[str, BakeTarget],
    ) -> None:
        self._plan = plan
        self._policy = policy
        self._ledger = ledger
        self._progress = progress
        self._step = step
        self._targets = targets
        self._needs = {name: self._stages(target) for name, target in targets.items()}
        self._begun: set[int] = set()
        self.errors: list[EdgebakeError] = []

    def _stages(self, target: BakeTarget) -> set[str]:
        names = self._plan.compilation.names[target.target]
        return {names[node.id] for node in self._plan.compilation.graph.needed_by(target.target, [target.stage])}

    # ── while it runs

    def on_steps(self, job: Job, events: EventReader, ended: list[BuildStep]) -> None:
        """Take down what was handed over at once: a killed edgebake must not push it again."""
        if id(job) not in self._begun:
            self._begun.add(id(job))
            self._ledger.attempt(job.invocation.bake_targets, job.attempt)
        self._progress.update(events, ended)
        for step in ended:
            names = self._named(step, job)
            if len(names) == 1 and step.is_export and not step.error:
                self._handed_over(names[0], job, events, step)

    def _named(self, step: BuildStep, job: Job) -> list[str]:
        names = list(job.invocation.bake_targets)
        return names if len(names) == 1 else [name for name in names if name in step.labels()]

    def _handed_over(self, name: str, job: Job, events: EventReader, step: BuildStep) -> None:
        digest = next(iter(step.exported[::-1]), "")
        if self._step.output == "push" and step.pushed:
            self._finish(name, job, events, step.pushed, step.exported)
        elif self._step.output == "load" and step.named and digest:
            self._finish(name, job, events, dict.fromkeys(step.named, digest), step.exported)

    def _finish(
        self, name: str, job: Job, events: EventReader, references: dict[str, str], ids: Sequence[str]
    ) -> None:
        if not self._ledger.is_finished(name):
            target, together = self._targets[name], job.invocation.bake_targets
            self._ledger.finish(target, self._step.platforms, together, events, references, ids)

    # ── when an invocation has ended

    def settle(self, ended: Ended, queue: deque[Job]) -> None:
        """Take down what came of an invocation, and see what follows for those that wait."""
        job, failure = ended.job, ended.failure
        names = job.invocation.bake_targets
        self._ledger.timed({n: (self._targets[n].target, self._step.platforms) for n in names}, ended.events)
        if failure is None:
            for name in job.invocation.bake_targets:
                self._finish(name, job, ended.events, *_in_metadata(ended.metadata.get(name, {})))
            return
        left = [name for name in job.invocation.bake_targets if not self._ledger.is_finished(name)]
        if self._may_pass(failure) and job.attempt <= self._policy.retries:
            self._try_again(job, left, failure, queue)
            return
        self.errors.append(failure.error())
        self._lose(left, failure, queue)

    def _may_pass(self, failure: Failure) -> bool:
        tests = {
            self._plan.compilation.names[target.target][target.stage]
            for target in self._targets.values()
            if target.is_test
        }
        return failure.passing and failure.stage not in tests

    def _try_again(self, job: Job, left: list[str], failure: Failure, queue: deque[Job]) -> None:
        seconds = delay(job.attempt)
        self._ledger.retry(left, failure, seconds)
        self._progress.retry(f"{job.attempt} of {self._policy.retries}", seconds, failure.short)
        queue.append(Job(job.invocation.only(left), job.attempt + 1, time.monotonic() + seconds))

    def _lose(self, left: list[str], failure: Failure, queue: deque[Job]) -> None:
        # Stages of one name can be in several targets' Dockerfiles.
        where = {self._targets[name].target for name in failure.bake_targets or left}
        blamed = [name for name in left if name in failure.bake_targets or self._needs_stage(name, failure, where)]
        for name in blamed or left:
            self._drop(name, "failed", failure.short)
        because = f"because {failure.short}" if failure.stage else f"because {(blamed or left)[0]} failed"
        for name in left:
            self._drop(name, "not attempted", because)
        for job in list(queue):
            (name, *_) = job.invocation.bake_targets
            if not self._policy.keep_going or self._needs_stage(name, failure, where):
                queue.remove(job)
                self._drop(name, "not attempted", because)

    def _needs_stage(self, name: str, failure: Failure, targets: set[str]) -> bool:
        return self._targets[name].target in targets and failure.stage in self._needs[name]

    def _drop(self, name: str, fate: Fate, reason: str) -> None:
        self._ledger.lose(self._targets[name], self._step.platforms, fate, reason)


def _in_metadata(found: dict[str, object]) -> tuple[dict[str, str], list[str]]:
    """Return the references with their digest, and other digests, that Buildx wrote of a bake target."""
    digest = str(found.get("containerimage.digest", ""))
    names = [name for name in str(found.get("image.name", "")).split(",") if name]
    ids = [str(found[key]) for key in ("containerimage.config.digest",) if found.get(key)]
    return (dict.fromkeys(names, digest) if digest else {}), ids
