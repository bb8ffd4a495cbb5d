"""Rules and what they find: plain data, with one order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from edgebake.errors import Position
from edgebake.model.lint import Severity


@dataclass(frozen=True)
class Rule:
    """A rule: its id, the severity of its findings, what it says in one line, and how to fix what it finds."""

    id: str
    severity: Severity
    summary: str
    fix: str

    def found(
        self, message: str, at: Position, *, recipe: str = "", image: str = "", targets: Iterable[str] = ()
    ) -> Finding:
        """Return a finding of this rule.

        Args:
            message: what is wrong, one sentence without a final full stop; it never holds a secret's value.
            at: where.
            recipe: the recipe that it is about, which can accept the finding.
            image: the image that it is about, likewise.
            targets: where it was found, if it depends on the target.
        """
        return Finding(self, self.severity, message, at, recipe, image, tuple(sorted(targets)))


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
