"""What the commands that build, test and measure print."""

from __future__ import annotations

from typing import Literal

from edgebake.model.base import Model
from edgebake.model.bench import Result
from edgebake.model.output.base import Output, Platform
from edgebake.model.output.plan import ChangedFile, LeftOut


class Compile(Output):
    """What was written, or with `--check` is stale: `edgebake compile --json`."""

    files: list[ChangedFile]
    left_out: list[LeftOut]
    notes: list[str]


class BakeResult(Model):
    bake_target: str
    platform: Platform
    result: Literal["built", "tested", "up to date", "failed", "not attempted"]
    reason: str
    """Why it was not built; "" if it was."""
    seconds: float
    steps_built: int
    steps_cached: int
    reference: str
    """"" if it has none."""
    digest: str
    """"" if it is in the build cache only."""


class Bake(Output):
    """What became of a bake: `edgebake bake --json`."""

    results: list[BakeResult]


TestOutcome = Literal["passed", "failed", "timed out", "skipped"]


class TestResult(Model):
    """The result of one recipe's test."""

    recipe: str
    title: str
    """The recipe with its flavours and version."""
    outcome: TestOutcome
    seconds: float
    output: str
    """What the test wrote, stdout and stderr together; of one that was skipped, the reason."""

    @property
    def ok(self) -> bool:
        """Whether the test did not fail."""
        return self.outcome in ("passed", "skipped")


class Suite(Model):
    """The tests of one image on one target and platform."""

    image: str
    target: str
    platform: str
    reference: str
    """The image that they ran in."""
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


class ChangedMetric(Model):
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
    """Of both values."""
    before: float | None
    """The median then; null if it was not measured."""
    now: float | None
    """The median now; null if it was not measured."""
    ratio: float | None
    """Now over then; null if one of them is missing or zero."""
    verdict: Verdict
    chance: float | None
    """How probable such a difference is by chance; null where nothing is chance."""
    more_is_better: bool

    @property
    def loss(self) -> float:
        """By which share it is worse; 0 if it is not."""
        if self.verdict != "worse" or not self.ratio:
            return 0.0
        return (1 / self.ratio if self.more_is_better else self.ratio) - 1


class Comparison(Model):
    notes: list[str]
    """What makes the two runs differ apart from what was measured."""
    changes: list[ChangedMetric]

    def failures(self, limit: float) -> list[ChangedMetric]:
        """Return the metrics that are worse by more than a share, and not by chance."""
        return [change for change in self.changes if change.loss > limit]


class Bench(Result):
    """What benches measured: `edgebake bench --json`."""

    comparison: Comparison | None = None
    """With `--compare`."""
