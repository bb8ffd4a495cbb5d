"""What `lint` prints as text and as JSON; `lint.formats` has SARIF and GitHub's annotations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from edgebake.cli.console import Renderable, columns
from edgebake.lint.finding import Finding, Report, Rule
from edgebake.model.lint import Severity
from edgebake.model.output.lint import AcceptedFinding, Lint, LintCounts, LintFinding, NotLinted

Published = TypeVar("Published", bound=LintFinding)
_STYLES: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def text(report: Report) -> Iterator[Renderable]:
    """Yield the findings by file, with how to fix each kind, and the counts."""
    for path, findings in groupby(report.findings, key=lambda finding: finding.at.path):
        yield path
        yield columns(_rows(list(findings)), indent=2)
        yield ""
    yield report.summary()


def data(report: Report) -> Lint:
    """Return a report as published."""
    counts = {severity: report.count(severity) for severity in _STYLES}
    return Lint(
        version=1,
        counts=LintCounts(**counts, accepted=len(report.accepted)),
        findings=[_finding(LintFinding, finding) for finding in report.findings],
        accepted=[_finding(AcceptedFinding, finding) for finding in report.accepted],
        left_out=[NotLinted(recipe=recipe, targets=targets) for recipe, targets in report.left_out],
    )


def rules_text(rules: Sequence[Rule]) -> str:
    """Return all rules, each with how to fix what it finds."""
    return "\n".join(f"{rule.id} ({rule.severity})\n  {rule.summary}\n  fix: {rule.fix}" for rule in rules)


def _rows(findings: Sequence[Finding]) -> Iterator[tuple[Renderable, ...]]:
    """Yield position, severity and message; after the last of several findings of a rule, how to fix it, once."""
    from rich.text import Text

    explained: set[Rule] = set()
    for number, finding in enumerate(findings):
        position = f"{finding.at.line}:{finding.at.column}" if finding.at.line else "-"
        message = f"{finding.message}{finding.where}  [{finding.rule.id}]"
        yield position, Text(finding.severity, _STYLES[finding.severity]), message
        following = findings[number + 1].rule if number + 1 < len(findings) else None
        if following != finding.rule and finding.rule not in explained:
            explained.add(finding.rule)
            yield "", "", f"hint: {finding.rule.fix}"


def _finding(kind: type[Published], finding: Finding) -> Published:
    at = finding.at
    return kind.of(
        finding,
        rule=finding.rule.id,
        file=at.path,
        line=at.line,
        column=at.column,
        recipe=finding.recipe or None,
        image=finding.image or None,
        fix=finding.rule.fix,
    )
