"""Output of `bake --progress json` on stderr: one event per line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, RootModel

from edgebake.model.output.base import Output, Platform
from edgebake.model.output.plan import WorkMode

Mode = Literal["native", "cross", "emulated"]


class Event(Output):
    time: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
    """Time in UTC."""


class PlatformEvent(Event):
    """How the builder does the work for a platform. Once per platform, before the first step."""

    event: Literal["platform"]
    platform: Platform
    mode: WorkMode
    node: str | None
    """Node of the builder; null if none can do it."""
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
    done: list[str]
    """The bake targets that were finished, also if others failed."""
    reason: str
    """Reason why it failed; "" if it did not."""


class StepEvent(Event):
    """A step has ended."""

    event: Literal["step"]
    digest: str
    """Digest of the step in BuildKit."""
    stage: str
    name: str
    bake_targets: list[str]
    platforms: list[Platform]
    """Platforms of the step; empty if BuildKit does not report them."""
    mode: Mode
    """How its command ran."""
    seconds: float
    cached: bool
    error: str
    """Error message if it failed, otherwise ""."""


class RunningEvent(Event):
    """The running steps of a bake target on a platform; every 30 s."""

    event: Literal["running"]
    bake_target: str
    platform: str
    """Platform; "" if BuildKit does not report it."""
    seconds: float
    cached: int
    built: int
    step: str
    """Step that has run longest; "" if none is running."""
    step_seconds: float


class RetryEvent(Event):
    """A transient failure is retried."""

    event: Literal["retry"]
    attempt: str
    """Number of the attempt: "1 of 2"."""
    seconds: float
    """Time until the attempt."""
    reason: str


Line = PlatformEvent | BeginEvent | EndEvent | StepEvent | RunningEvent | RetryEvent


class BakeProgress(RootModel[Annotated[Line, Field(discriminator="event")]]):
    """One line of `edgebake bake --progress json`."""
