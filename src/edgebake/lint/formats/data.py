"""A report as data, for `--format json`. Keys are only ever added while `version` is 1."""

from __future__ import annotations

from typing import Any

from edgebake.lint.finding import Finding
from edgebake.lint.report import SEVERITIES, Report


def as_data(report: Report) -> dict[str, Any]:
    """Return a report as what JSON can hold. A line or column of 0 means that only the file is known."""
    return {
        "version": 1,
        "counts": {
            **{severity: report.count(severity) for severity in SEVERITIES},
            "accepted": len(report.accepted),
        },
        "findings": [_finding(finding) for finding in report.findings],
        "accepted": [{**_finding(finding), "reason": finding.reason} for finding in report.accepted],
        "left_out": [{"recipe": recipe, "targets": list(targets)} for recipe, targets in report.left_out],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.id,
        "severity": finding.severity,
        "message": finding.message,
        "file": finding.at.path,
        "line": finding.at.line,
        "column": finding.at.column,
        "recipe": finding.recipe or None,
        "image": finding.image or None,
        "targets": list(finding.targets),
        "mend": finding.rule.mend,
    }
