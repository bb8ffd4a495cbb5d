"""What `edgebake doctor` prints."""

from __future__ import annotations

from collections.abc import Sequence

from edgebake.cli.console import Renderable
from edgebake.host.checks import Finding, State
from edgebake.model.output.machine import Doctor, DoctorFinding

_MARKS: dict[State, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "problem": ("✗", "red"),
    "unknown": ("?", "cyan"),
}
_WIDTH = len("✓ Emulation of amd64")
"""Of the column with the checks' names: each finding is printed when it is known."""


def text(finding: Finding) -> Renderable:
    """Return a finding: its mark, what was checked, the result, and below it the commands that fix it."""
    from rich.table import Table
    from rich.text import Text

    mark, colour = _MARKS[finding.state]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=_WIDTH, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text.assemble((mark, colour), f" {finding.check}"), finding.text)
    if finding.fixed:
        grid.add_row("", f"done: {finding.fixed}")
    if finding.state != "ok":
        for remedy in finding.remedies:
            grid.add_row("", f"→ {remedy}")
    return grid


def data(findings: Sequence[Finding]) -> Doctor:
    """Return what `--json` prints."""
    return Doctor(
        version=1,
        ok=all(finding.state != "problem" for finding in findings),
        findings=[
            DoctorFinding.of(finding, fix=finding.remedies, can_fix=finding.fix is not None) for finding in findings
        ],
    )
