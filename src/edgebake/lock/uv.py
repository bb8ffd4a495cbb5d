"""Running uv, and why it fails: a conflict, an index that cannot be reached, a package without a wheel."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.model.target import Target

TIMEOUT = 600  # seconds
MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
"""Machines by platform, as `platform.machine()` and wheels name them."""
_MANYLINUX = (17, 28, *range(31, 41))
"""Minor versions of glibc 2 that uv has platforms for (https://docs.astral.sh/uv/reference/cli/#uv-pip-compile)."""
_UNREACHABLE = re.compile(
    r"error sending request|[Ff]ailed to fetch|dns error|connect error|Connection refused|timed out|Request failed"
    r"|could not be queried due to|network (?:was|is) disabled|network connectivity is disabled|HTTP status"
)
_HOSTILE = re.compile(r"\x1b\[[0-9;]*m|[\x00-\x08\x0b-\x1f\x7f]")


class NoSolutionError(Exception):
    """The requirements cannot be met together, or one of them cannot be met. The message is uv's, in prose."""


class UnpinnableError(Exception):
    """A resolution cannot be made now.

    Args:
        reason: why, without what differs between machines: the lock is committed.
        details: what uv said.
    """

    def __init__(self, reason: str, details: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = details


class UnreachableError(UnpinnableError):
    """A server cannot be reached, or refuses access.

    Args:
        text: what uv said.
    """

    def __init__(self, text: str) -> None:
        causes = [line.strip().removeprefix("cause: ") for line in text.splitlines() if line.strip()]
        super().__init__(self.described("an index", text), causes[-1])
        self.text = text

    @staticmethod
    def described(server: str, text: str) -> str:
        """Return what is wrong with a server."""
        refuses = re.search(r"valid authentication|\b40[137] \w", text)
        return f"{server} {'refuses access' if refuses else 'cannot be reached'}"

    def naming(self, servers: Mapping[str, str]) -> UnpinnableError:
        """Return the error with what cannot be reached.

        The default index and what it leads to can be a mirror of this machine's own, which no lock names.

        Args:
            servers: what recipes name, by address.
        """
        found = (server for address, server in servers.items() if address in self.text)
        return UnpinnableError(self.described(next(found, "the default index"), self.text), self.details)


@dataclass(frozen=True)
class Uv:
    """How uv is run.

    Attributes:
        wheelhouse: an additional folder of wheels.
        ca_bundle: certificates to trust.
        netrc: the project's logins for indexes; None for the user's own.
    """

    wheelhouse: Path | None = None
    ca_bundle: Path | None = None
    netrc: Path | None = None

    def compile(self, folder: Path, target: Target, platform: str, arguments: Sequence[str]) -> str:
        """Return what `uv pip compile` prints.

        Args:
            folder: where it runs.
            target: the target.
            platform: the OCI platform.
            arguments: what to resolve, and how to print it.

        Raises:
            NoSolutionError: there is no solution.
            UnpinnableError: an index cannot be reached, a package has no wheel, or uv fails otherwise.
        """
        command = [*self.command(target, platform), *arguments]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UnpinnableError(f"the indexes did not answer within {TIMEOUT} s") from None
        except OSError as error:
            raise EdgebakeError(f"uv cannot be run: {error.strerror}") from None
        if done.returncode != 0:
            raise _failure(done.stderr)
        return done.stdout

    def command(self, target: Target, platform: str) -> list[str]:
        """Return the command that resolves for a target, without what is to be resolved."""
        from uv import find_uv_bin

        return [
            *(os.fspath(find_uv_bin()), "pip", "compile", "--quiet", "--no-header", "--color", "never"),
            *("--python-version", str(target.python), "--python-platform", uv_platform(target, platform)),
            # A package without a wheel would be compiled in the image.
            *("--only-binary", ":all:"),
            *(("--find-links", os.fspath(self.wheelhouse)) if self.wheelhouse else ()),
        ]

    @property
    def _environment(self) -> dict[str, str]:
        own = {"SSL_CERT_FILE": self.ca_bundle, "NETRC": self.netrc}
        given = {name: os.fspath(path) for name, path in own.items() if path is not None}
        # uv wraps what it says at the width of a terminal, which is not this one.
        return {**os.environ, "GIT_TERMINAL_PROMPT": "0", "UV_NO_WRAP": "1", **given}


def uv_platform(target: Target, platform: str) -> str:
    """Return uv's name for a platform, with the newest manylinux version that the target's C library supports."""
    minor = int(target.glibc.split(".")[1])
    newest = max((version for version in _MANYLINUX if version <= minor), default=_MANYLINUX[0])
    return f"{MACHINES[platform]}-manylinux_2_{newest}"


def _failure(stderr: str) -> Exception:
    """Return the exception for what uv said."""
    text = _HOSTILE.sub("", stderr).strip()
    if re.search(r"No space left on device", text):
        return EdgebakeError("the disk is full", reason=_prose(text), hints=("free some of it, and run again",))
    if _UNREACHABLE.search(text):
        return UnreachableError(text)
    if "No solution found" not in text:
        return UnpinnableError("uv cannot resolve the requirements", text)
    built = re.findall(r"Wheels are required for `([^`]+)` because building from source", text)
    if built:
        names = ", ".join(sorted(set(built)))
        return UnpinnableError(f"{names}: no wheel for this target, it would be built from source", text)
    return NoSolutionError(_prose(text))


def _prose(text: str) -> str:
    """Return uv's explanation, without its marks and hints about its own options."""
    lines = [re.sub(r"^[\s×╰─▶├│]*(?:(?:error|cause):)?\s*", "", part).strip() for part in text.splitlines()]
    kept = []
    for line in lines:
        if line.startswith("hint:"):
            break
        if line and "No solution found" not in line:
            kept.append(line)
    return "\n".join(kept)
