"""A report as GitHub annotations: workflow commands that a job writes to its output.

Escaped as @actions/core does it: https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
"""

from __future__ import annotations

from edgebake.lint.finding import Finding
from edgebake.lint.report import Report
from edgebake.model.lint import Severity

_COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def as_github(report: Report) -> str:
    """Return a report as one annotation for each finding, and the counts in a line of their own."""
    return "\n".join([*map(_annotation, report.findings), report.summary()])


def _annotation(finding: Finding) -> str:
    at = finding.at
    properties = {"file": at.path}
    if at.line:
        properties |= {"line": str(at.line), "col": str(max(at.column, 1))}
    properties["title"] = finding.rule.id
    pairs = ",".join(f"{name}={value.translate(_PROPERTY)}" for name, value in properties.items())
    message = f"{finding.message}{finding.where}\nhint: {finding.rule.fix}".translate(_DATA)
    return f"::{_COMMANDS[finding.severity]} {pairs}::{message}"
