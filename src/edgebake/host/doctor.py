"""Checks what building and running images needs, one thing after the other; a check never stops the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edgebake.errors import EdgebakeError
from edgebake.host.checks import Finding, Surroundings
from edgebake.host.checks.docker import buildx, containerd_store, disk, engine
from edgebake.host.checks.emulation import emulation
from edgebake.host.checks.network import certificates, proxy, registry
from edgebake.host.checks.nvidia import driver, runtime

CHECKS = (engine, containerd_store, buildx, emulation, disk, registry, proxy, certificates, driver, runtime)


def examine(surroundings: Surroundings, *, fix: bool = False) -> Iterator[Finding]:
    """Yield the findings of all checks, in their order.

    `fix`: fix what can do no harm; the finding says what was done.
    """
    for check in CHECKS:
        try:
            for finding in check(surroundings):
                yield _fixed(finding) if fix and finding.fix else finding
        except EdgebakeError as error:
            yield Finding(check.__name__.replace("_", " "), "unknown", error.message, error.hints)


def _fixed(finding: Finding) -> Finding:
    assert finding.fix is not None
    try:
        done = finding.fix()
    except (OSError, EdgebakeError) as error:
        return replace(finding, text=f"{finding.text}; the fix failed: {error}")
    return replace(finding, state="ok", fixed=done)
