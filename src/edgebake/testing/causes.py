"""Tells a machine's failure from a recipe's: what a build or test said, where it says nothing about the recipe."""

from __future__ import annotations

import re
from typing import Literal

Cause = Literal["emulation", "disk", "network"]

# The container runtime's own words. A shell, Python or timeout(1) that is given a program for another architecture
# writes "Exec format error" and more: that is a mistake of the recipe's.
_CANNOT_EXECUTE = re.compile(r"^exec \S+: exec format error$", re.MULTILINE)

_DISK = re.compile(r"no space left on device|disk quota exceeded|have enough free space in", re.IGNORECASE)

_SERVER_ERROR = "(?:internal server error|bad gateway|service unavailable|gateway time-?out)"
_NETWORK = re.compile(
    "|".join(
        (
            # a name that is not found, in the words of Go, the C library and curl, apt, npm
            "no such host|server misbehaving|could not resolve|name or service not known",
            "(?:temporary|permanent) failure in name resolution|temporary failure resolving",
            r"\b(?:EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT)\b",
            # nobody there, or no answer
            "connection (?:refused|timed out|reset by peer)|network is unreachable|no route to host",
            "i/o timeout|tls handshake timeout|read timed out|(?:failed|unable|could not) to connect to",
            "could not connect to|cannot connect to",
            # the server's own failure, in the words of BuildKit, curl and git, pip, and all the others
            r"unexpected status (?:code )?from \S+ request to .*: 5\d\d|returned error: 5\d\d",
            rf"too many 5\d\d error|\b5\d\d(?: server error:)? +{_SERVER_ERROR}",
            "toomanyrequests|429 too many requests",
        )
    ),
    re.IGNORECASE,
)


def cannot_execute(output: str) -> bool:
    """Tell whether the engine could not execute a container's first program: it does not emulate the platform."""
    return _CANNOT_EXECUTE.search(output) is not None


def cause_in_build(output: str) -> Cause | None:
    """Return why a build failed, from its output, if the recipe is not to blame, else None."""
    if cannot_execute(output):
        return "emulation"
    if _DISK.search(output):
        return "disk"
    return "network" if _NETWORK.search(output) else None


def cause_in_test(output: str) -> Cause | None:
    """Return why a test failed if the recipe is not to blame, else None.

    A test has no network: what it fails to reach there is a server of the recipe's own.
    """
    return "disk" if _DISK.search(output) else None
