"""Outputs of the commands that build, test and measure."""

from __future__ import annotations

from typing import Literal

from edgebake.model.bench import Result
from edgebake.model.output.base import Output, Platform, Record
from edgebake.model.output.plan import ChangedFile, LeftOut


class Compile(Output):
    """The files that were written, or are stale with `--check`: `edgebake compile --json`."""

    files: list[ChangedFile]
    left_out: list[LeftOut]
    notes: list[str]


class BakeResult(Record):
    bake_target: str
    platform: Platform
    result: Literal["built", "tested", "up to date", "failed", "not attempted"]
    reason: str
    """Reason why it was not built; "" if it was."""
    seconds: float
    steps_built: int
    steps_cached: int
    reference: str
    """Reference of the image; "" if it has none."""
    digest: str
    """Digest of the image; "" if it is only in the build cache."""


class Bake(Output):
    """The results of a bake: `edgebake bake --json`."""

    results: list[BakeResult]


TestOutcome = Literal["passed", "failed", "timed out", "skipped"]


class TestResult(Record):
    """The result of one recipe's test."""

    recipe: str
    title: str
    """The recipe with its flavours and version."""
    outcome: TestOutcome
    seconds: float
    output: str
    """Output of the test, stdout and stderr together; the reason if it was skipped."""

    @property
    def ok(self) -> bool:
        """Whether the test did not fail."""
        return self.outcome in ("passed", "skipped")


class Suite(Record):
    """The tests of one image on one target and platform."""

    image: str
    target: str
    platform: str
    reference: str
    """Image in which the tests ran."""
    tests: list[TestResult]

    @property
    def ok(self) -> bool:
        """Whether no test failed."""
        return all(test.ok for test in self.tests)

    def count(self, *outcomes: TestOutcome) -> int:
        """Return how many tests have one of these outcomes."""
        return sum(test.outcome in outcomes for test in self.tests)


class Test(Output):
    """The results of tests: `edgebake test --json`."""

    suites: list[Suite]


Verdict = Literal[
    "better", "worse", "within noise", "same", "too few runs", "not comparable", "only then", "only now"
]


class ChangedMetric(Record):
    """One metric, then and now."""

    image: str
    target: str
    platform: Platform
    recipe: str
    """"" for the image as a whole."""
    measurement: str
    """"" for the recipe as a whole."""
    metric: str
    unit: str
    """Unit of both values."""
    before: float | None
    """The median then; null if it was not measured."""
    now: float | None
    """The median now; null if it was not measured."""
    ratio: float | None
    """Now over then; null if one of them is missing or zero."""
    verdict: Verdict
    chance: float | None
    """Probability of such a difference by chance; null for values without chance."""
    more_is_better: bool

    @property
    def loss(self) -> float:
        """The share by which it is worse; 0 if it is not worse."""
        if self.verdict != "worse" or not self.ratio:
            return 0.0
        return (1 / self.ratio if self.more_is_better else self.ratio) - 1


class Comparison(Record):
    notes: list[str]
    """Other differences between the two runs, such as another machine."""
    changes: list[ChangedMetric]

    def failures(self, limit: float) -> list[ChangedMetric]:
        """Return the metrics that are worse by more than a share, and not by chance."""
        return [change for change in self.changes if change.loss > limit]


class Bench(Result):
    """The results of benchmarks: `edgebake bench --json`."""

    comparison: Comparison | None = None
    """Only with `--compare`."""
