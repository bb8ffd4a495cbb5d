"""What `edgebake doctor` finds: as text, and as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["ok", "warning", "problem", "unknown"]
_MARKS: dict[State, str] = {"ok": "✓", "warning": "!", "problem": "✗", "unknown": "?"}


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        check: what was looked at.
        state: ok; warning: works, but not well; problem: does not work; unknown: could not be looked at.
        text: what was found.
        mend: commands, or what to do.
        fix: mends it and says what it did; only for what can do no harm. None if there is no such thing.
        fixed: what was done.
    """

    check: str
    state: State
    text: str
    mend: tuple[str, ...] = ()
    fix: Callable[[], str] | None = None
    fixed: str = ""


_WIDTH = len("GPU in containers ")  # of the longest name


def as_text(finding: Finding) -> str:
    """Return a finding as lines, with what mends it."""
    margin = " " * (_WIDTH + 4)
    lines = [f"{_MARKS[finding.state]} {finding.check.ljust(_WIDTH)}  {finding.text}"]
    if finding.fixed:
        lines.append(f"{margin}done: {finding.fixed}")
    lines += [f"{margin}→ {command}" for command in finding.mend if finding.state != "ok"]
    return "\n".join(lines)


def as_data(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings for JSON."""
    return {
        "version": 1,
        "ok": all(finding.state != "problem" for finding in findings),
        "findings": [
            {
                "check": finding.check,
                "state": finding.state,
                "text": finding.text,
                "mend": list(finding.mend),
                "can_fix": finding.fix is not None,
                "fixed": finding.fixed,
            }
            for finding in findings
        ],
    }
