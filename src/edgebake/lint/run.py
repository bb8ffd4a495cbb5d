"""A lint from beginning to end: check, accept what the files accept, and report."""

from __future__ import annotations

from edgebake.lint.accept import accepted, ignores_of, unused, with_severities
from edgebake.lint.finding import Report, merged
from edgebake.lint.rules import CHECKS
from edgebake.lint.subject import Subject


def lint(subject: Subject, *, buildkit: bool = False, builder: str | None = None) -> Report:
    """Check all rules.

    Args:
        subject: what is linted.
        buildkit: also run BuildKit's own checks; needs Docker.
        builder: the Buildx builder that runs them; the one in use if None.

    Raises:
        EdgebakeError: what the user has to fix before rules can be checked; a file that accepts an unknown rule;
            Docker is needed and not available.
    """
    ignores = ignores_of(subject)
    found = [finding for check in CHECKS for finding in check(subject)]
    if buildkit:
        from edgebake.lint.buildkit import check_dockerfiles

        found += check_dockerfiles(subject, builder)
    found += unused(subject, ignores, found, buildkit=buildkit)
    standing, known = accepted(ignores, with_severities(subject, merged(found)))
    return Report(tuple(standing), tuple(known), subject.left_out)
