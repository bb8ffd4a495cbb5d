"""What a lint came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from edgebake.lint.finding import Finding
from edgebake.model.lint import Severity

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True)
class Report:
    """The findings in order, those that the files accept, and what could not be looked at.

    `left_out`: by recipe, the targets for which it has a release and cannot be resolved.
    """

    findings: tuple[Finding, ...]
    accepted: tuple[Finding, ...] = ()
    left_out: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def count(self, severity: Severity) -> int:
        """Return how many findings have a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def fails(self, *, strict: bool) -> bool:
        """Tell whether there is an error; with `strict`, or a warning."""
        return bool(self.count("error") or (strict and self.count("warning")))


def by_file(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Return findings by file, in their order."""
    files: dict[str, list[Finding]] = {}
    for finding in findings:
        files.setdefault(finding.at.path, []).append(finding)
    return files


def with_prefix(report: Report, folder: str) -> Report:
    """Return a report whose relative paths begin with `folder`."""
    return replace(
        report,
        findings=tuple(_moved(finding, folder) for finding in report.findings),
        accepted=tuple(_moved(finding, folder) for finding in report.accepted),
    )


def _moved(finding: Finding, folder: str) -> Finding:
    # Joining keeps an absolute path as it is.
    path = str(PurePosixPath(folder) / finding.at.path)
    return replace(finding, at=replace(finding.at, path=path))
