"""A report for people: by file, with how to mend each kind of finding, and a count at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgebake.lint.finding import Finding, Rule
from edgebake.lint.report import SEVERITIES, Report, by_file


def as_text(report: Report) -> str:
    """Return a report as text."""
    lines: list[str] = []
    for path, findings in by_file(report.findings).items():
        lines += [path, *_of_file(findings), ""]
    return "\n".join([*lines, summary(report)])


def _of_file(findings: Sequence[Finding]) -> Iterator[str]:
    places = [f"{f.at.line}:{f.at.column}" if f.at.line else "-" for f in findings]
    width = max(map(len, places))
    told: set[Rule] = set()
    for index, (finding, place) in enumerate(zip(findings, places, strict=True)):
        on = f" (on {', '.join(finding.targets)})" if finding.targets else ""
        yield f"  {place:<{width}}  {finding.severity:<7}  {finding.message}{on}  [{finding.rule.id}]"
        following = findings[index + 1].rule if index + 1 < len(findings) else None
        if following != finding.rule and finding.rule not in told:
            told.add(finding.rule)
            yield f"  {'':<{width}}  hint: {finding.rule.mend}"


def summary(report: Report) -> str:
    """Return the counts in one line."""
    counts = [(report.count(severity), severity) for severity in SEVERITIES]
    words = [f"{n} {'info' if s == 'info' else s + 's' * (n != 1)}" for n, s in counts if n]
    if report.accepted:
        words.append(f"{len(report.accepted)} accepted with a reason")
    if not report.findings:
        words.insert(0, "no findings")
    return ", ".join(words) + "."


def rules_as_text(rules: Sequence[Rule]) -> str:
    """Return the rules, for people."""
    return "\n".join(f"{rule.id} ({rule.severity})\n  {rule.summary}\n  mend: {rule.mend}" for rule in rules)
