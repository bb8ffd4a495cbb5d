"""Rules and what they find: plain data, with one order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from edgebake.errors import Position
from edgebake.model.lint import Severity


@dataclass(frozen=True)
class Rule:
    """One rule: its id, how grave a finding is, what it says in one line, and how to mend what it finds."""

    id: str
    severity: Severity
    summary: str
    mend: str

    def found(
        self, message: str, at: Position, *, recipe: str = "", image: str = "", targets: Iterable[str] = ()
    ) -> Finding:
        """Return a finding of this rule.

        Args:
            message: what is wrong, one sentence without a final full stop; it never holds a secret's value.
            at: where.
            recipe: the recipe that it is about; what that accepts, holds for the finding.
            image: likewise, the image.
            targets: where it was found, if it hangs on the target.
        """
        return Finding(self, self.severity, message, at, recipe, image, tuple(sorted(targets)))


@dataclass(frozen=True)
class Finding:
    """Something that a rule objects to. `reason`: why it is accepted, if it is."""

    rule: Rule
    severity: Severity
    message: str
    at: Position
    recipe: str = ""
    image: str = ""
    targets: tuple[str, ...] = ()
    reason: str = ""


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings in order of file and place, each once; equal ones on several targets become one."""
    kept: dict[Finding, set[str]] = {}
    for finding in findings:
        kept.setdefault(replace(finding, targets=()), set()).update(finding.targets)
    found = [replace(finding, targets=tuple(sorted(targets))) for finding, targets in kept.items()]
    return sorted(found, key=_place)


def _place(finding: Finding) -> tuple[str | int, ...]:
    at = finding.at
    return (at.path, at.line, at.column, finding.rule.id, finding.message, finding.recipe, finding.image)
