"""Whose fault a failure is: what tools say of a machine that can build nothing, and of a recipe that is wrong."""

from __future__ import annotations

import pytest

from edgebake.testing.causes import cause_in_build, cause_in_test

EMULATION = (
    'exec /bin/sh: exec format error\n\nprocess "/bin/sh -c true" did not complete successfully: exit code: 1'
)

DISK = [
    "failed to solve: write /var/lib/docker/tmp/x: no space left on device",
    "OSError: [Errno 28] No space left on device: '/opt/venv/lib'",
    "E: You don't have enough free space in /var/cache/apt/archives/.",
]

NETWORK = [
    "localhost:5000/debian:bookworm-slim: dial tcp 127.0.0.1:5000: connect: connection refused",
    "dial tcp: lookup ghcr.io on 10.0.0.2:53: no such host",
    "curl: (6) Could not resolve host: github.com",
    "fatal: unable to access 'https://github.com/a/b/': The requested URL returned error: 503",
    "Retrying (Retry(total=4)) after connection broken by 'NewConnectionError([Errno -2] Name or service not known')'",
    "ReadTimeoutError(\"HTTPSConnectionPool(host='pypi.org', port=443): Read timed out.\")",
    "Err:1 http://deb.debian.org/debian bookworm InRelease\n  Temporary failure resolving 'deb.debian.org'",
    "E: Failed to fetch http://deb.debian.org/x.deb  502  Bad Gateway [IP: 10.0.0.1 80]",
    "npm error code ENOTFOUND",
    "unexpected status from HEAD request to https://ghcr.io/v2/a/manifests/1: 503 Service Unavailable",
    "429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit",
]

RECIPE = [
    "ERROR: No matching distribution found for thing==9.9",
    "curl: (22) The requested URL returned error: 404",
    "unexpected status from HEAD request to https://ghcr.io/v2/a/manifests/1: 404 Not Found",
    "E: Unable to locate package no-such-package",
    # a program for another architecture
    "bash: line 1: /usr/local/bin/tool: cannot execute binary file: Exec format error",
    "/bin/sh: 1: tool: Exec format error",
    "OSError: [Errno 8] Exec format error: '/usr/local/bin/tool'",
    "error: 503 tests ran, 1 failed",
]


def test_a_platform_that_is_not_emulated() -> None:
    assert cause_in_build(EMULATION) == "emulation"


@pytest.mark.parametrize("said", DISK)
def test_a_full_disk(said: str) -> None:
    assert cause_in_build(said) == "disk"
    assert cause_in_test(said) == "disk"


@pytest.mark.parametrize("said", NETWORK)
def test_a_server_that_does_not_answer(said: str) -> None:
    assert cause_in_build(said) == "network"


@pytest.mark.parametrize("said", RECIPE)
def test_a_mistake_of_the_recipes(said: str) -> None:
    assert cause_in_build(said) is None
    assert cause_in_test(said) is None


def test_a_test_that_cannot_reach_its_own_server() -> None:
    assert cause_in_test("ConnectionRefusedError: [Errno 111] Connection refused") is None
