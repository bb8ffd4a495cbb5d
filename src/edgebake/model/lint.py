"""Settings of the lint in files: accepted findings, and other severities of rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from edgebake.model.base import Line, Model, Name

Severity = Literal["error", "warning", "info"]


def _reason(text: str) -> str:
    if not text.strip():
        raise ValueError("must say why the rule is ignored")
    return text


Reason = Annotated[Line, AfterValidator(_reason)]
"""Why a finding is accepted; never empty."""


class Lint(Model):
    """Settings of `edgebake lint` for a recipe or an image."""

    ignore: dict[Name, Reason] = {}
    """Rules whose findings are accepted, each with the reason."""


class ProjectLint(Lint):
    """Settings of `edgebake lint` for a project."""

    severity: dict[Name, Severity] = {}
    """Other severities of rules."""
