"""Walks a plan's steps: writes files, checks the builder, bakes, verifies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from edgebake.errors import EdgebakeError, ErrorGroup
from edgebake.execute.builders import work_by_platform
from edgebake.execute.ledger import Ledger
from edgebake.execute.modes import Modes, modes_of
from edgebake.execute.policy import Policy
from edgebake.execute.preflight import check_builder
from edgebake.execute.progress.base import Progress
from edgebake.execute.publish import merge_index, verify_tags
from edgebake.execute.recording import Recording
from edgebake.execute.results import Result, other_rows, with_digest
from edgebake.execute.scheduler import Scheduler
from edgebake.graph.build_graph import Index
from edgebake.interrupt import raise_interrupt
from edgebake.plan.builder import Plan
from edgebake.plan.journal import Journal
from edgebake.plan.settings import Settings
from edgebake.plan.steps import Bake, CheckBuilder, MergeIndex, PublishStages, VerifyIndexes, WriteFiles
from edgebake.state.bases import check_bases


class Executor:
    """Executes a plan.

    Args:
        plan: what to do.
        settings: how.
        progress: shows it.
        write: brings the generated files up to date.
        policy: what to do about failures.
    """

    def __init__(
        self,
        plan: Plan,
        settings: Settings,
        progress: Progress,
        write: Callable[[], object],
        policy: Policy | None = None,
    ) -> None:
        self._plan = plan
        self._compilation = plan.compilation
        self._settings = settings
        self._progress = progress
        self._write = write
        self._policy = policy or Policy()
        self._ledger = Ledger(plan, Journal(self._compilation.workspace.root), self._policy.resumes)
        self._scheduler = Scheduler(plan, settings, self._policy, self._ledger, progress)
        self._errors: list[EdgebakeError] = []
        self.modes = Modes()
        """How the work is done, once the builder has been asked."""

    @property
    def recording(self) -> Recording:
        """What ran so far."""
        return self._scheduler.recording

    @property
    def results(self) -> list[Result]:
        """What became of each bake target so far, in the plan's order; what never had its turn comes last."""
        places = {target.bake_target.name: place for place, target in enumerate(self._plan.targets)}
        return sorted(self._ledger.results, key=lambda row: places.get(row.bake_target, len(places)))

    def run(self) -> list[Result]:
        """Walk the steps.

        Raises:
            EdgebakeError: something failed. What did not depend on it was finished with `keep_going`, else what was
                finished before; `results` tells.
        """
        raise_interrupt()
        try:
            self._walk()
        except KeyboardInterrupt:
            self._give_up("it was interrupted")
            self._ledger.end("interrupted")
            raise
        except EdgebakeError as error:
            self._give_up("of the failure before it")
            self._ledger.end("failed")
            raise _together([*self._errors, error]) from None
        self._ledger.end("failed" if self._errors else "done")
        if self._errors:
            raise _together(self._errors)
        return self.results

    def _walk(self) -> None:
        bakes = any(isinstance(step, Bake) for step in self._plan.steps)
        for step in self._plan.steps:
            match step:
                case WriteFiles():
                    self._write()
                case CheckBuilder():
                    state = check_builder(step, self._settings.builder)
                    work = work_by_platform(self._plan, state)
                    self.modes = modes_of(self._plan, work)
                    self._progress.work(work, self.modes)
                    self._ledger.emulated = tuple(one.platform for one in work if one.mode == "emulated")
                    check_bases(self._plan, self._settings)
                    if bakes:
                        self._ledger.begin()
                case PublishStages():
                    self._errors += self._scheduler.publish(step)
                    self._stop_at_failure()
                case Bake():
                    self._errors += self._scheduler.run(step)
                    self._stop_at_failure()
                case VerifyIndexes():
                    self._verify(step)
                case MergeIndex(index):
                    self._merge(index)

    def _stop_at_failure(self) -> None:
        if self._errors and not self._policy.keep_going:
            raise self._errors.pop()

    def _give_up(self, reason: str) -> None:
        """Take down what had no turn yet, if anything had."""
        if not self._ledger.began:
            return
        for step in self._plan.steps:
            if isinstance(step, Bake):
                for target in step.bake_targets:
                    if self._ledger.is_open(target) and not target.is_test:
                        self._ledger.lose(target, step.platforms, "not attempted", f"because {reason}")

    def _verify(self, step: VerifyIndexes) -> None:
        for bake_target in step.bake_targets:
            if not self._ledger.is_finished(bake_target.name):
                continue
            try:
                tags = verify_tags(self._compilation, self._settings, bake_target)
            except EdgebakeError as error:
                if not self._policy.keep_going:
                    raise
                self._errors.append(error)
                continue
            for reference, found in tags.items():
                self._ledger.replace_rows(bake_target.name, partial(_shown, reference, found))

    def _merge(self, index: Index) -> None:
        lost = next((name for _, name in index.parts if self._ledger.lost(name)), "")
        if lost:
            platforms = [platform for platform, _ in index.parts]
            rows = other_rows(
                f"{index.image}:{index.tag}", platforms, "not attempted", f"because {lost} was not built"
            )
            self._ledger.results += rows
            return
        bake_targets = {target.bake_target.name: target.bake_target for target in self._plan.targets}
        self._ledger.results += merge_index(self._compilation, self._settings, index, bake_targets)


def _shown(reference: str, digests: Mapping[str, str], row: Result) -> Result:
    return with_digest(row, reference, digests)


def _together(errors: list[EdgebakeError]) -> EdgebakeError:
    """Return errors as one; what several bake targets have in common is told once."""
    different = list({str(error): error for error in errors}.values())
    return different[0] if len(different) == 1 else ErrorGroup(different)
