"""Rules, what they find, and the report of it: plain data, with one order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from edgebake.dataclasses import dataclass
from edgebake.errors import Position
from edgebake.model.lint import Severity
from edgebake.redaction import redacted
from edgebake.text.words import counted

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True)
class Rule:
    """A rule: its id, what it says in one line, how to fix what it finds, and the severity of its findings."""

    id: str
    summary: str
    fix: str
    severity: Severity = "warning"

    def found(
        self, message: str, at: Position, *, recipe: str = "", image: str = "", targets: Iterable[str] = ()
    ) -> Finding:
        """Return a finding of this rule.

        Args:
            message: what is wrong, one sentence without a final full stop. Secrets in it are not shown.
            at: where.
            recipe: the recipe that it is about, which can accept the finding.
            image: the image that it is about, likewise.
            targets: where it was found, if it depends on the target.
        """
        return Finding(self, self.severity, redacted(message), at, recipe, image, tuple(sorted(targets)))


@dataclass(frozen=True)
class Finding:
    """A violation of a rule. `reason`: why it is accepted, if it is."""

    rule: Rule
    severity: Severity
    message: str
    at: Position
    recipe: str = ""
    image: str = ""
    targets: tuple[str, ...] = ()
    reason: str = ""

    @property
    def where(self) -> str:
        """The targets, in brackets after a blank; "" if it does not depend on the target."""
        return f" (on {', '.join(self.targets)})" if self.targets else ""


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in order of file and place, each once; equal ones on several targets become one."""
    targets: dict[Finding, set[str]] = {}
    for finding in findings:
        targets.setdefault(replace(finding, targets=()), set()).update(finding.targets)
    joined = [replace(finding, targets=tuple(sorted(names))) for finding, names in targets.items()]
    return sorted(joined, key=_position)


def _position(finding: Finding) -> tuple[str | int, ...]:
    at = finding.at
    return (at.path, at.line, at.column, finding.rule.id, finding.message, finding.recipe, finding.image)


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


def with_prefix(report: Report, folder: str) -> Report:
    """Return a report whose relative paths begin with `folder`."""

    def moved(findings: Iterable[Finding]) -> tuple[Finding, ...]:
        # Joining keeps an absolute path as it is.
        paths = ((finding, str(PurePosixPath(folder) / finding.at.path)) for finding in findings)
        return tuple(replace(finding, at=replace(finding.at, path=path)) for finding, path in paths)

    return replace(report, findings=moved(report.findings), accepted=moved(report.accepted))
