"""What became of each bake target: rows for the summary, and entries in the journal."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timezone
from typing import Literal

from edgebake import __version__
from edgebake.dataclasses import dataclass
from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.failures import Failure
from edgebake.execute.results import Fate, built_rows, current_rows, other_rows
from edgebake.graph.build_graph import BakeTarget
from edgebake.plan.builder import Plan
from edgebake.plan.history import Finished, worth_keeping
from edgebake.plan.journal import Journal
from edgebake.plan.steps import BakeItem

_SHORTEST = 0.05  # seconds from which on a step's time is worth remembering

RunOutcome = Literal["done", "failed", "interrupted"]


@dataclass
class Ledger:
    """Takes down what a run of a plan does."""

    plan: Plan  # what is run
    journal: Journal  # where it is remembered
    resumes: Sequence[str] = ()  # the runs that this one goes on with
    began: bool = False
    emulated: tuple[str, ...] = ()  # the platforms that the builder has to emulate
    _finished: set[str] = field(default_factory=set)
    _lost: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.run = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{os.getpid()}"
        self.results = [r for t in self.plan.targets if t.evidence.current for r in current_rows(t)]

    # ── the run

    def begin(self) -> None:
        """The run begins."""
        self.journal.shrink(worth_keeping)
        names = [t.bake_target.name for t in self.plan.targets if not t.evidence.current]
        resumes, output = list(self.resumes), self.plan.output
        self._add("run", edgebake=__version__, output=output, bake_targets=names, resumes=resumes)
        self.began = True

    def end(self, outcome: RunOutcome) -> None:
        """The run ends."""
        if self.began:
            self._add("end", outcome=outcome)

    def _add(self, event: str, **facts: object) -> None:
        self.journal.add(event, run=self.run, at=_now(), **facts)

    # ── what is asked of it

    def is_open(self, bake_target: BakeTarget) -> bool:
        """Whether a bake target is still to be built: neither finished nor lost."""
        return bake_target.name not in self._finished and self.image_of(bake_target) not in self._lost

    def is_finished(self, name: str) -> bool:
        """Whether a bake target was built in this run."""
        return name in self._finished

    def lost(self, name: str) -> str:
        """Return why there will be no bake target; empty if there is or may be."""
        return self._lost.get(name, "")

    def image_of(self, bake_target: BakeTarget) -> str:
        """Return the name of the bake target whose image it is, or tests."""
        return self.plan.image_of(bake_target).bake_target.name if bake_target.is_test else bake_target.name

    # ── what happens

    def attempt(self, names: Sequence[str], number: int) -> None:
        """An invocation is about to begin."""
        self._add("begin", bake_targets=list(names), attempt=number)

    def retry(self, names: Sequence[str], failure: Failure, seconds: float) -> None:
        """An invocation failed for a transient reason, and will be retried."""
        self._add("retry", bake_targets=list(names), reason=failure.short, seconds=round(seconds, 1))

    def timed(self, targets: Mapping[str, str], events: EventReader) -> None:
        """An invocation has ended, well or not: take down what its stages took.

        Args:
            targets: the target of each of its bake targets.
            events: what it reported.
        """
        found: dict[str, dict[str, float]] = {}
        for name, platforms in events.built.items():
            found.setdefault(targets[name], {}).update(_times(_by_platform(events, name, platforms)))
        ran = [s for s in events.steps.values() if s.seconds and not (s.cached or s.error or s.internal)]
        if ran and any(found.values()):
            seconds = max(s.completed or 0.0 for s in ran) - min(s.started or 0.0 for s in ran)
            totals = {"seconds": round(seconds, 3), "work": round(sum(step.seconds for step in ran), 3)}
            self._add("times", targets=dict(sorted(found.items())), emulated=list(self.emulated), **totals)

    def finish(
        self, item: BakeItem, events: EventReader, references: Mapping[str, str], ids: Sequence[str] = ()
    ) -> None:
        """A bake target is built, and is where it was to go.

        Args:
            item: the bake target.
            events: what the invocation reported.
            references: digests by the references under which the result is there.
            ids: further digests of it.
        """
        bake_target = item.bake_target
        steps = _by_platform(events, bake_target.name, item.platforms)
        reference, digest = next(iter(references.items()), ("", ""))
        fate: Fate = "tested" if bake_target.is_test else "built"
        rows = list(built_rows(bake_target.name, steps, reference, digest, fate))
        self._finished.add(bake_target.name)
        self.results += rows
        if not bake_target.is_test:
            self._remember(item, steps, references, ids, max(row.seconds for row in rows))

    def _remember(
        self,
        item: BakeItem,
        steps: Mapping[str, Sequence[BuildStep]],
        references: Mapping[str, str],
        ids: Sequence[str],
        seconds: float,
    ) -> None:
        name, platforms, plan = item.bake_target.name, item.platforms, self.plan
        known = plan.target(name).evidence
        finished = Finished(name, platforms, plan.output, self.run, _now(), known.inputs, known.tests, references)
        finished = replace(finished, ids=tuple(ids), seconds=round(seconds, 3), steps=_times(steps))
        built = {platform: plan.stage_records(name, platform) for platform in platforms}
        self.journal.add("finished", **finished.as_data(built))

    def lose(self, item: BakeItem, fate: Fate, reason: str) -> None:
        """A bake target, or its tests, failed or will not be attempted. Reported once."""
        name = self.image_of(item.bake_target)
        if name in self._lost or name in self._finished:
            return
        self._lost[name] = reason
        self.results += other_rows(name, item.platforms, fate, reason)
        self._add("lost", bake_target=name, fate=fate, reason=reason)

    def show_digests(self, name: str, reference: str, digests: Mapping[str, str]) -> None:
        """Show in a bake target's rows what the registry has under a reference, by platform."""
        for place, row in enumerate(self.results):
            if row.bake_target == name:
                self.results[place] = replace(row, reference=reference, digest=digests[row.platform])


def _by_platform(events: EventReader, name: str, platforms: Sequence[str]) -> dict[str, Sequence[BuildStep]]:
    return {platform: events.of(name, platform) for platform in platforms}


def _times(steps: Mapping[str, Sequence[BuildStep]]) -> dict[str, float]:
    """Return the seconds of what ran, by stage and platform: `eb-app linux/arm64`."""
    found: dict[str, float] = {}
    for platform, several in steps.items():
        for step in several:
            if step.stage and not (step.cached or step.error) and step.seconds >= _SHORTEST:
                key = f"{step.stage} {platform}"
                found[key] = round(found.get(key, 0.0) + step.seconds, 3)
    return found


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
