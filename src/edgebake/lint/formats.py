"""A report as SARIF 2.1.0, which code scanning takes, or as GitHub's annotations, which a job writes to its output.

SARIF: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. Annotations are workflow commands, escaped
as in @actions/core: https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from edgebake import __version__
from edgebake.errors import Position
from edgebake.lint.finding import Finding, Report, Rule
from edgebake.model.lint import Severity

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
_COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def as_sarif(report: Report, rules: Sequence[Rule]) -> str:
    """Return a report as a SARIF log with one run.

    Args:
        report: the findings; accepted ones are results that are suppressed.
        rules: all rules, which the tool describes.
    """
    index = {rule.id: number for number, rule in enumerate(rules)}
    driver = {"name": "edgebake", "version": __version__, "rules": [_rule(rule) for rule in rules]}
    results = [_result(finding, index[finding.rule.id]) for finding in (*report.findings, *report.accepted)]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.message}{finding.where}"},
        "locations": [_location(finding.at)],
    }
    if finding.reason:
        result["suppressions"] = [{"kind": "inSource", "justification": finding.reason}]
    return result


def _location(at: Position) -> dict[str, Any]:
    path = Path(at.path)
    artifact = {"uri": path.as_uri()} if path.is_absolute() else {"uri": quote(at.path), "uriBaseId": "%SRCROOT%"}
    place: dict[str, Any] = {"artifactLocation": artifact}
    if at.line:
        place["region"] = {"startLine": at.line, "startColumn": max(at.column, 1)}
    return {"physicalLocation": place}


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
