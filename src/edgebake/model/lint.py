"""Settings of the lint in files: accepted findings, and severities of rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from edgebake.model.base import Line, Model, Name

Severity = Literal["error", "warning", "info"]


def _reason(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty: give the reason why the rule is ignored")
    return text


Reason = Annotated[Line, AfterValidator(_reason)]
"""Reason why a finding is accepted; never empty."""


class Lint(Model):
    """Settings of `edgebake lint` for a recipe or an image."""

    ignore: dict[Name, Reason] = {}
    """Rules whose findings are accepted, each with a reason."""


class ProjectLint(Lint):
    """Settings of `edgebake lint` for a project."""

    severity: dict[Name, Severity] = {}
    """Severities of rules, in place of their defaults."""
