"""The result of a lint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import PurePosixPath

from edgebake.lint.finding import Finding
from edgebake.model.lint import Severity
from edgebake.text.words import counted

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True)
class Report:
    """The findings in order, those that the files accept, and what could not be looked at.

    `left_out`: by recipe, the targets where it has a release but cannot be resolved.
    """

    findings: tuple[Finding, ...]
    accepted: tuple[Finding, ...] = ()
    left_out: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def count(self, severity: Severity) -> int:
        """Return how many findings have a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def fails(self, *, strict: bool) -> bool:
        """Return whether there is an error; with `strict`, or a warning."""
        return bool(self.count("error") or (strict and self.count("warning")))

    def summary(self) -> str:
        """Return the counts in one line."""
        counts = {severity: self.count(severity) for severity in SEVERITIES}
        words = [f"{n} info" if s == "info" else counted(n, s) for s, n in counts.items() if n]
        if self.accepted:
            words.append(f"{len(self.accepted)} accepted with a reason")
        return ", ".join(words if self.findings else ["no findings", *words]) + "."


def by_file(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Return findings, which are in the order of their files, by file."""
    return {path: list(found) for path, found in groupby(findings, key=lambda finding: finding.at.path)}


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
