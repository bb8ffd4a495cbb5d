"""What `bake --progress json` prints on stderr: one of these a line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, RootModel

from edgebake.model.output.base import Output, Platform
from edgebake.model.output.plan import WorkMode

Mode = Literal["native", "cross", "emulated"]


class Event(Output):
    time: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
    """In UTC."""


class PlatformEvent(Event):
    """How the builder does a platform's work; once for each, before the first step."""

    event: Literal["platform"]
    platform: Platform
    mode: WorkMode
    node: str | None
    """Of the builder; null if none can do it."""
    stages_run: int
    """Stages that run commands on that platform."""


class Invocation(Event):
    bake_targets: list[str]
    platforms: list[Platform]
    attempt: int


class BeginEvent(Invocation):
    """An invocation of Buildx begins."""

    event: Literal["begin"]


class EndEvent(Invocation):
    """An invocation has ended."""

    event: Literal["end"]
    outcome: Literal["done", "failed"]
    reason: str
    """Why it failed, or ""."""


class StepEvent(Event):
    """A step has ended."""

    event: Literal["step"]
    digest: str
    """BuildKit's."""
    stage: str
    name: str
    bake_targets: list[str]
    platforms: list[Platform]
    """Empty where BuildKit does not say for which."""
    mode: Mode
    """Where its command ran."""
    seconds: float
    cached: bool
    error: str
    """What it said when it failed, or ""."""


class RunningEvent(Event):
    """What a row of the bake runs; every 30 s."""

    event: Literal["running"]
    bake_target: str
    platform: str
    """Or "" where BuildKit does not say for which."""
    seconds: float
    cached: int
    built: int
    step: str
    """The one that runs longest, or ""."""
    step_seconds: float


class RetryEvent(Event):
    """Something is tried again."""

    event: Literal["retry"]
    attempt: str
    """Which of how many: "1 of 2"."""
    seconds: float
    """Until then."""
    reason: str


Line = PlatformEvent | BeginEvent | EndEvent | StepEvent | RunningEvent | RetryEvent


class BakeProgress(RootModel[Annotated[Line, Field(discriminator="event")]]):
    """One line of `edgebake bake --progress json`."""
