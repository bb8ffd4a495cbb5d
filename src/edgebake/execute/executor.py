"""Walks a plan's steps: writes files, checks the builder, bakes, verifies."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import field
from pathlib import Path

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, ErrorGroup
from edgebake.execute.baking import Baking
from edgebake.execute.builders import work_by_platform
from edgebake.execute.buildx import installed_buildx
from edgebake.execute.ledger import Ledger
from edgebake.execute.modes import Modes, modes_of
from edgebake.execute.preflight import check_builder
from edgebake.execute.progress.base import Progress
from edgebake.execute.publish import merge_index, verify_tags
from edgebake.execute.publish_stages import StagePublisher
from edgebake.execute.recording import Recording
from edgebake.execute.results import Result, other_rows
from edgebake.execute.runner import Policy, Runner
from edgebake.execute.secrets import check_secrets
from edgebake.graph.build_graph import Index
from edgebake.interrupt import raise_interrupt
from edgebake.plan.builder import Plan
from edgebake.plan.frozen import FrozenContext, frozen_context
from edgebake.plan.journal import Journal
from edgebake.plan.settings import Settings
from edgebake.plan.steps import Bake, CheckBuilder, MergeIndex, PublishStages, VerifyIndexes, WriteFiles
from edgebake.render.writer import OutputTree
from edgebake.state.bases import check_bases
from edgebake.system.checkout import CheckoutLock


@dataclass
class Executor:
    """Executes a plan."""

    plan: Plan
    settings: Settings  # how it is executed
    progress: Progress  # shows it
    tree: OutputTree  # the generated files
    policy: Policy = field(default_factory=Policy)  # what to do about failures
    lock: CheckoutLock = field(default_factory=CheckoutLock)  # how others in the same checkout are waited for
    recording: Recording = field(default_factory=Recording)  # what ran so far
    modes: Modes = field(default_factory=Modes)  # how the work is done, once the builder has been asked

    def __post_init__(self) -> None:
        self._compilation = self.plan.compilation
        self._ledger = Ledger(self.plan, Journal(self._compilation.workspace.root), self.policy.resumes)
        self._driver = ""
        self._errors: list[EdgebakeError] = []
        self._runner = Runner(self.policy, (self.progress, self.recording))

    @property
    def results(self) -> list[Result]:
        """The result of each bake target so far, in the plan's order; what never had its turn comes last."""
        order = {target.bake_target.name: place for place, target in enumerate(self.plan.targets)}
        return sorted(self._ledger.results, key=lambda row: order.get(row.bake_target, len(order)))

    def run(self) -> list[Result]:
        """Walk the steps.

        Raises:
            EdgebakeError: something failed. What did not depend on it was finished with `keep_going`, else what was
                finished before; see `results`.
        """
        raise_interrupt()
        try:
            with self.lock.held(self._compilation.workspace.root, "bake.lock"), ExitStack() as stack:
                self._walk(stack)
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

    def _walk(self, stack: ExitStack) -> None:
        check_secrets(self.plan, self.settings)
        context = FrozenContext(Path())
        for step in self.plan.steps:
            match step:
                case WriteFiles():
                    self.tree.write(lock=self.lock)
                case CheckBuilder():
                    self._check_builder(step)
                    context = stack.enter_context(frozen_context(self.plan, self.tree.files))
                case PublishStages():
                    publisher = StagePublisher(self.plan, step, self.settings, self.policy, context)
                    publisher.run(self._runner, self.progress, installed_buildx(), self._ledger.timed)
                    self._take(publisher.errors)
                case Bake():
                    baking = Baking(self.plan, step, self.settings, self.policy, self._ledger, context)
                    baking.run(self._runner, self.progress, installed_buildx(), self._driver)
                    self._take(baking.errors)
                case VerifyIndexes():
                    self._verify(step)
                case MergeIndex(index):
                    self._merge(index)

    def _check_builder(self, step: CheckBuilder) -> None:
        state = check_builder(step, self.settings.builder)
        if self.policy.keep_going:
            installed_buildx().refuse_keep_going()
        self._driver = state.driver
        work = work_by_platform(self.plan, state)
        self.modes = modes_of(self.plan, work)
        self.progress.work(work, self.modes)
        self._ledger.emulated = tuple(each.platform for each in work if each.mode == "emulated")
        check_bases(self.plan, self.settings)
        if any(isinstance(step, Bake) for step in self.plan.steps):
            self._ledger.begin()

    def _take(self, errors: Sequence[EdgebakeError]) -> None:
        self._errors += errors
        if self._errors and not self.policy.keep_going:
            raise self._errors.pop()

    def _give_up(self, reason: str) -> None:
        """Take down what had no turn yet, if anything had."""
        bakes = (step for step in self.plan.steps if isinstance(step, Bake) and self._ledger.began)
        for image in (image for step in bakes for image in step.images):
            if self._ledger.is_open(image.bake_target):
                self._ledger.lose(image, "not attempted", f"because {reason}")

    def _verify(self, step: VerifyIndexes) -> None:
        for bake_target in step.bake_targets:
            if not self._ledger.is_finished(bake_target.name):
                continue
            try:
                tags = verify_tags(self._compilation, self.settings, bake_target)
            except EdgebakeError as error:
                self._take([error])
                continue
            for reference, found in tags.items():
                self._ledger.show_digests(bake_target.name, reference, found)

    def _merge(self, index: Index) -> None:
        lost = next((name for _, name in index.parts if self._ledger.lost(name)), "")
        if lost:
            name, platforms = f"{index.image}:{index.tag}", [platform for platform, _ in index.parts]
            self._ledger.results += other_rows(name, platforms, "not attempted", f"because {lost} was not built")
            return
        self._ledger.results += merge_index(self.plan, self.settings, index)


def _together(errors: list[EdgebakeError]) -> EdgebakeError:
    """Return errors as one; what several bake targets have in common is reported once."""
    different = list({str(error): error for error in errors}.values())
    return different[0] if len(different) == 1 else ErrorGroup(different)
