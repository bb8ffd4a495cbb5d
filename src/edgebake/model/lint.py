"""What files tell the lint: which of its findings are known and accepted, and how grave a rule is."""

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
    """What `edgebake lint` is told about a recipe or an image."""

    ignore: dict[Name, Reason] = {}
    """Rules whose findings are accepted, each with the reason."""


class ProjectLint(Lint):
    """What `edgebake lint` is told about a project."""

    severity: dict[Name, Severity] = {}
    """Other severities of rules."""
