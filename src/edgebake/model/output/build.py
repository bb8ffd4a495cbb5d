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


class TestResult(Model):
    recipe: str
    title: str
    outcome: Literal["passed", "failed", "timed out", "skipped"]
    seconds: float
    output: str


class Suite(Model):
    image: str
    target: str
    platform: str
    reference: str
    tests: list[TestResult]


class Test(Output):
    """What came of the tests: `edgebake test --json`."""

    suites: list[Suite]


class ChangedMetric(Model):
    image: str
    target: str
    platform: Platform
    recipe: str
    measurement: str
    metric: str
    unit: str
    before: float | None
    now: float | None
    ratio: float | None
    verdict: str
    chance: float | None


class Comparison(Model):
    notes: list[str]
    changes: list[ChangedMetric]


class Bench(Result):
    """What benches measured: `edgebake bench --json`."""

    comparison: Comparison | None = None
    """With `--compare`."""
