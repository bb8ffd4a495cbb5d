"""Gathers the runs of one bench."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from edgebake.bench.runner import Outcome
from edgebake.model.bench import Measurement, RecipeBench, Run
from edgebake.testing.cases import Case


@dataclass
class Collected:
    """A bench's runs so far. `skipped`: why it is not run."""

    case: Case
    skipped: str = ""
    runs: list[Outcome] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether further runs have a sense: not of one that fails."""
        return not (self.skipped or self._failed)

    @property
    def wants_samples(self) -> bool:
        """Whether memory is to be sampled, as a run has shown that the control group does not report its peak.

        Linux reports it from 5.19 on in version 2 (memory.peak), and always in version 1.
        """
        return any(one.said and one.said.peak_memory is None for one in self.runs)

    def add(self, outcome: Outcome) -> None:
        """Take a run."""
        if outcome.said is not None and self.runs and self.runs[0].said is not None:
            first, now = ([m[:2] for m in said.measurements] for said in (self.runs[0].said, outcome.said))
            if first != now:
                names = ", ".join(name for name, _ in now)
                outcome = Outcome(outcome.seconds, failure=f"this run measured other things: {names}")
        self.runs.append(outcome)

    @property
    def _failed(self) -> Outcome | None:
        return next((one for one in self.runs if one.said is None), None)

    def result(self) -> RecipeBench:
        """Return the result."""
        case, failed = self.case, self._failed
        result = partial(RecipeBench, recipe=case.recipe, title=case.title)
        if self.skipped:
            return result(outcome="skipped", output=self.skipped)
        if failed is not None:
            return result(outcome="timed out" if failed.timed_out else "failed", output=failed.failure)
        said = [one.said for one in self.runs if one.said is not None]
        sampled = self.wants_samples
        return result(
            outcome="measured",
            seconds=tuple(one.seconds for one in self.runs),
            cpu_seconds=tuple(one.cpu_seconds for one in said),
            peak_memory=tuple(o.sampled for o in self.runs) if sampled else tuple(o.peak_memory for o in said),
            memory_from="docker stats" if sampled else "control group",
            measurements=self._measurements(),
        )

    def _measurements(self) -> tuple[Measurement, ...]:
        runs: dict[tuple[str, str], list[Run]] = {}
        for outcome in self.runs:
            for name, unit, run in outcome.said.measurements if outcome.said else ():
                runs.setdefault((name, unit), []).append(run)
        return tuple(Measurement(name=name, unit=unit, runs=tuple(found)) for (name, unit), found in runs.items())
