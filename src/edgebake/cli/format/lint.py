"""What `lint` prints as text and as JSON; `lint.formats` has SARIF and GitHub's annotations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from edgebake.cli.console import columns
from edgebake.lint.finding import Finding, Report, Rule
from edgebake.model.lint import Severity
from edgebake.model.output.lint import AcceptedFinding, Lint, LintCounts, LintFinding, NotLinted

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def text(report: Report) -> Iterator[RenderableType]:
    """Yield the findings by file, with how to fix each kind, and the counts."""
    for path, findings in groupby(report.findings, key=lambda finding: finding.at.path):
        yield path
        yield columns(_rows(list(findings)), indent=2)
        yield ""
    yield report.summary()


def data(report: Report) -> Lint:
    """Return a report as published."""
    accepted = [
        AcceptedFinding(**_finding(finding).model_dump(), reason=finding.reason) for finding in report.accepted
    ]
    return Lint(
        version=1,
        counts=LintCounts(
            error=report.count("error"),
            warning=report.count("warning"),
            info=report.count("info"),
            accepted=len(report.accepted),
        ),
        findings=[_finding(finding) for finding in report.findings],
        accepted=accepted,
        left_out=[NotLinted(recipe=recipe, targets=list(targets)) for recipe, targets in report.left_out],
    )


def rules_text(rules: Sequence[Rule]) -> str:
    """Return all rules, each with how to fix what it finds."""
    return "\n".join(f"{rule.id} ({rule.severity})\n  {rule.summary}\n  fix: {rule.fix}" for rule in rules)


def _rows(findings: Sequence[Finding]) -> Iterator[tuple[RenderableType, ...]]:
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


def _finding(finding: Finding) -> LintFinding:
    return LintFinding(
        rule=finding.rule.id,
        severity=finding.severity,
        message=finding.message,
        file=finding.at.path,
        line=finding.at.line,
        column=finding.at.column,
        recipe=finding.recipe or None,
        image=finding.image or None,
        targets=list(finding.targets),
        fix=finding.rule.fix,
    )
