"""Outputs of `lint` and `compat`."""

from __future__ import annotations

from typing import Literal

from edgebake.model.output.base import Output, Platform, Record


class LintFinding(Record):
    rule: str
    severity: Literal["error", "warning", "info"]
    message: str
    file: str
    line: int
    """Line, from 1; 0 if only the file is known."""
    column: int
    """Column, from 1; 0 if only the file is known."""
    recipe: str | None
    image: str | None
    targets: list[str]
    fix: str
    """How to fix it."""


class AcceptedFinding(LintFinding):
    reason: str


class NotLinted(Record):
    recipe: str
    targets: list[str]


class LintCounts(Record):
    error: int
    warning: int
    info: int
    accepted: int


class Lint(Output):
    """The findings of the lint: `edgebake lint --json`."""

    counts: LintCounts
    findings: list[LintFinding]
    accepted: list[AcceptedFinding]
    left_out: list[NotLinted]


class CompatRow(Record):
    framework: str
    target: str
    platforms: list[Platform]
    releases: list[str]
    absent: str | None
    """Reason why no build exists; null if there are releases."""
    cuda: str | None
    cudnn: str | None
    python: str | None
    jetpack: str | None
    sm: list[str]
    origin: str | None
    no_recipe: str | None
    sources: list[str]


class Compat(Output):
    """The releases of frameworks and the targets they run on: `edgebake compat --json`."""

    rows: list[CompatRow]
