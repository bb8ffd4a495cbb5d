"""Runs a bake step: its invocations of Buildx, what is retried, and what becomes of each bake target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from functools import partial

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.execute.batches import Batch, batches
from edgebake.execute.buildx import Buildx
from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.failures import Failure
from edgebake.execute.invocation import Invocation
from edgebake.execute.ledger import Ledger
from edgebake.execute.overrides import bake_overrides
from edgebake.execute.progress.base import Progress
from edgebake.execute.runner import Ended, Job, Policy, Runner
from edgebake.plan.builder import Plan
from edgebake.plan.frozen import FrozenContext
from edgebake.plan.settings import Settings, bake_variables, cache_variables
from edgebake.plan.steps import Bake, BakeItem


@dataclass
class Baking:
    """Runs a bake step."""

    plan: Plan  # what the step is part of
    step: Bake
    settings: Settings  # how it is built
    policy: Policy  # what to do about failures
    ledger: Ledger  # takes down what happens
    context: FrozenContext  # what is built from
    errors: list[EdgebakeError] = field(default_factory=list)  # why something failed, so far

    def __post_init__(self) -> None:
        self._items = {item.bake_target.name: item for item in self.step.items}
        self._needs = {name: self._stages(item) for name, item in self._items.items()}
        names, tests = self.plan.compilation.names, [item.bake_target for item in self.step.tests]
        self._test_stages = {names[test.target][test.stage] for test in tests}

    def _stages(self, item: BakeItem) -> set[tuple[str, str]]:
        """Return what an item needs: stages of one name can be in the Dockerfiles of several targets."""
        target, compilation = item.bake_target.target, self.plan.compilation
        nodes = compilation.graph.needed_by(target, [item.bake_target.stage])
        return {(target, compilation.names[target][node.id]) for node in nodes}

    def run(self, runner: Runner, progress: Progress, buildx: Buildx, driver: str) -> None:
        """Bake what of the step is still to be built.

        Raises:
            EdgebakeError: the time for everything is over.
        """
        try:
            for part in self._parts():
                for batch in self._batches(part, buildx):
                    names = self._open(batch.items)
                    if names:
                        self._bake(runner, progress, self._invocation(part, batch, driver).only(names))
        finally:
            progress.close()

    def _parts(self) -> list[Bake]:
        """Return the step in as many parts as it has caches: an invocation has one CACHE_PLATFORM."""
        step = self.step
        if self.plan.compilation.workspace.project.cache is None or "CACHE_PLATFORM" in self.settings.environment:
            return [step]

        def cache_of(item: BakeItem) -> tuple[str, ...]:
            return item.platforms if len(item.platforms) == 1 else ()

        def part(cache: tuple[str, ...]) -> Bake:
            images, tests = ([i for i in items if cache_of(i) == cache] for items in (step.images, step.tests))
            return Bake(tuple(images), step.output, tuple(tests))

        return [part(cache) for cache in sorted({cache_of(item) for item in step.items})]

    def _batches(self, part: Bake, buildx: Buildx) -> Iterator[Batch]:
        # With --no-cache, what is handed over must be what the tests have seen, and not built once more beside it.
        graph, no_cache = self.plan.compilation.graph, self.settings.no_cache
        return batches(graph, part, buildx, keep_going=self.policy.keep_going, tests_first=no_cache)

    def _open(self, items: Sequence[BakeItem]) -> list[str]:
        return [item.bake_target.name for item in items if self.ledger.is_open(item.bake_target)]

    def _invocation(self, step: Bake, batch: Batch, driver: str) -> Invocation:
        compilation, settings, output = self.plan.compilation, self.settings, step.output
        built = {item.bake_target.name: item.platforms for item in batch.items}
        platforms = sorted({platform for several in built.values() for platform in several})
        overrides = {
            **self.context.overrides,
            **bake_overrides(self.plan, batch.items, output, settings, driver),
            **self._no_cache(step, batch),
        }
        cache = cache_variables(compilation, settings, platforms, writes=output == "push")
        variables = {**cache, **bake_variables(compilation, settings), **self.context.variables(settings)}
        files = [self.context.file(compilation.workspace.project.bake_file)]
        return Invocation(built, files, overrides, variables, settings.builder, output == "load", batch.jobs)

    def _no_cache(self, step: Bake, batch: Batch) -> dict[str, str]:
        """Return what makes Buildx build everything again, but once: what was built for its tests is not."""
        if not self.settings.no_cache:
            return {}
        tested = {self.ledger.image_of(item.bake_target) for item in step.tests}
        names = [item.bake_target.name for item in batch.items]
        return {f"{name}.no-cache": "true" for name in names if name not in tested}

    # ── one invocation, and its retries

    def _bake(self, runner: Runner, progress: Progress, invocation: Invocation) -> None:
        job: Job | None = Job(invocation)
        while job is not None:
            self.ledger.attempt(list(job.invocation.bake_targets), job.attempt)
            ended = runner.run(job, lambda events, steps: self._on_steps(progress, events, steps))
            job = self._settle(ended, runner)

    def _on_steps(self, progress: Progress, events: EventReader, steps: list[BuildStep]) -> None:
        """Take down what was handed over at once: a killed edgebake must not push it again."""
        progress.update(events, steps)
        for step in steps:
            if step.is_export and not step.error and len(step.bake_targets) == 1:
                self._handed_over(next(iter(step.bake_targets)), events, step)

    def _handed_over(self, name: str, events: EventReader, step: BuildStep) -> None:
        if self.step.output == "push" and step.pushed:
            self._finish(name, events, step.pushed, step.exported)
        elif self.step.output == "load" and step.named and step.exported:
            self._finish(name, events, dict.fromkeys(step.named, step.exported[-1]), step.exported)

    def _finish(self, name: str, events: EventReader, references: dict[str, str], ids: Sequence[str]) -> None:
        if not self.ledger.is_finished(name):
            self.ledger.finish(self._items[name], events, references, ids)

    def _settle(self, ended: Ended, runner: Runner) -> Job | None:
        """Take down the result of an invocation; return what is baked once more of it, after a wait."""
        job, names = ended.job, list(ended.job.invocation.bake_targets)
        self.ledger.timed({name: self._items[name].bake_target.target for name in names}, ended.events)
        for name in ended.done:
            self._finish(name, ended.events, *_in_metadata(ended.metadata.get(name, {})))
        left = [name for name in names if not self.ledger.is_finished(name)]
        lasting = [failure for failure in ended.failures if not self._may_retry(failure, job.attempt)]
        if lasting:
            self._lose(left, lasting)
        again = [name for name in left if self.ledger.is_open(self._items[name].bake_target)]
        if not again:
            return None
        # Without one, they were stopped only because a step that took too long was.
        transient = next((failure for failure in ended.failures if failure not in lasting), None)
        return runner.again(job, again, transient, partial(self.ledger.retry, again))

    # ── what failed

    def _may_retry(self, failure: Failure, attempt: int) -> bool:
        return failure.transient and attempt <= self.policy.retries and failure.stage not in self._test_stages

    def _lose(self, left: Sequence[str], failures: Sequence[Failure]) -> None:
        """Give up what failed for good, and what depends on it: with `keep_going` only that, else everything."""
        self.errors += [failure.error() for failure in failures]
        lost = {name: failure for name in left for failure in reversed(failures) if self._blames(failure, name)}
        lost = lost or dict.fromkeys(left, failures[0])
        for name, failure in lost.items():
            self.ledger.lose(self._items[name], "failed", failure.short)
        first = failures[0]
        because = f"because {first.short}" if first.stage or not lost else f"because {next(iter(lost))} failed"
        for name in self._open(self.step.items):
            if not self.policy.keep_going or any(self._blames(failure, name) for failure in failures):
                self.ledger.lose(self._items[name], "not attempted", because)

    def _blames(self, failure: Failure, name: str) -> bool:
        """Return whether a bake target cannot be built because of a failure. One that names none is everybody's."""
        targets = {self._items[each].bake_target.target for each in failure.bake_targets}
        needed = any((target, failure.stage) in self._needs[name] for target in targets)
        return needed or name in failure.bake_targets or not failure.bake_targets


def _in_metadata(found: dict[str, object]) -> tuple[dict[str, str], list[str]]:
    """Return the references with their digest, and other digests, that Buildx wrote of a bake target."""
    digest = str(found.get("containerimage.digest", ""))
    names = [name for name in str(found.get("image.name", "")).split(",") if name]
    config = found.get("containerimage.config.digest")
    return (dict.fromkeys(names, digest) if digest else {}), [str(config)] if config else []
