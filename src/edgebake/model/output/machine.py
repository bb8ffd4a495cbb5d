"""Outputs of the commands about this machine."""

from __future__ import annotations

from typing import Literal

from edgebake.model.output.base import Output, Platform, Record
from edgebake.model.output.plan import PlatformWork


class Fact(Record):
    value: str | int
    source: str
    """File or library that the value comes from."""


class DetectedGpu(Record):
    name: str | None
    sm: str | None
    memory: int | None
    """In bytes."""
    brand: str | None
    sources: list[str]


class DetectedRuntime(Record):
    docker: bool
    nvidia_runtime: str | None
    configured: bool
    default: bool
    cdi: list[str]
    host_files: list[str]


class FittingTarget(Record):
    name: str
    grade: Literal["exact", "compatible", "minor", "forward", "unproven"]


class Detect(Output):
    """This machine: `edgebake detect --json`. Unknown values are null."""

    board: str | None
    parts: list[str]
    model: Fact | None
    kind: Fact | None
    architecture: Fact | None
    soc: Fact | None
    memory: Fact | None
    """In bytes."""
    l4t: Fact | None
    jetpack: Fact | None
    os: Fact | None
    glibc: Fact | None
    python: Fact | None
    driver: Fact | None
    cuda: Fact | None
    toolkit: Fact | None
    cuda_flavour: Fact | None
    gpus: list[DetectedGpu]
    runtime: DetectedRuntime
    targets: list[FittingTarget]
    notes: list[str]


class FitReason(Record):
    rule: str
    ok: bool
    text: str
    source: str | None


class Candidate(Record):
    reference: str
    local: bool
    fits: bool
    grade: str | None
    uses_gpu: bool
    created: str | None
    known_by: str | None
    target: str | None
    platforms: list[Platform]
    reasons: list[FitReason]


class Autotag(Output):
    """The candidates for this machine, and the best one: `edgebake autotag --json`."""

    reference: str | None
    """Best image; null if no image fits."""
    candidates: list[Candidate]
    notes: list[str]


class DoctorFinding(Record):
    check: str
    state: Literal["ok", "warning", "problem", "unknown"]
    text: str
    fix: list[str]
    """Commands that fix it, some followed by a remark."""
    can_fix: bool
    """Whether `--fix` can fix it."""
    fixed: str
    """What `--fix` did; "" if it did nothing."""


class Doctor(Output):
    """Problems of this machine: `edgebake doctor --json`."""

    ok: bool
    findings: list[DoctorFinding]


class BuilderCheck(Output):
    """Abilities of the project's builder: `edgebake builder check --json`."""

    builder: str
    platforms: list[PlatformWork]
    problems: list[str]
