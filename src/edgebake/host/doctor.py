"""Looks at what building and running images needs, one thing after the other; a check never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgebake.errors import EdgebakeError
from edgebake.host.checks.docker import buildx, containerd_store, disk, engine
from edgebake.host.checks.emulation import emulation
from edgebake.host.checks.network import certificates, proxy, registry
from edgebake.host.checks.nvidia import driver, runtime
from edgebake.host.files import Files
from edgebake.host.finding import Finding
from edgebake.host.machine import Machine
from edgebake.registry.client import RegistryClient

Check = Callable[["Surroundings"], Iterator[Finding]]


@dataclass(frozen=True)
class Surroundings:
    """What is looked at.

    Attributes:
        files: the machine's.
        machine: what it is.
        environment: of the user.
        registry: where the project's images are.
        client: asks registries.
        ca_bundle: the certificates that builds trust.
        info: what `docker info` says; empty if no engine answers.
    """

    files: Files
    machine: Machine
    environment: Mapping[str, str]
    registry: str
    client: RegistryClient
    ca_bundle: Path | None
    info: Mapping[str, Any]


CHECKS: tuple[Check, ...] = (
    engine,
    containerd_store,
    buildx,
    emulation,
    disk,
    registry,
    proxy,
    certificates,
    driver,
    runtime,
)


def examine(surroundings: Surroundings, *, fix: bool = False) -> Iterator[Finding]:
    """Yield the findings of all checks, in their order.

    Args:
        surroundings: what is looked at.
        fix: mend what can do no harm; the finding says what was done.
    """
    for check in CHECKS:
        try:
            for finding in check(surroundings):
                yield _mended(finding) if fix and finding.fix else finding
        except EdgebakeError as error:
            yield Finding(check.__name__.replace("_", " "), "unknown", error.message, error.hints)


def _mended(finding: Finding) -> Finding:
    assert finding.fix is not None
    try:
        done = finding.fix()
    except (OSError, EdgebakeError) as error:
        return replace(finding, text=f"{finding.text}; mending it failed: {error}")
    return replace(finding, state="ok", fixed=done)
