"""Why a bake failed: the steps that are to blame, and whether a failure is transient.

Transient are failures of the network, of a registry, and of the connection to the engine. What a recipe's own
commands do wrong never is, and a failing test is never retried. The tables hold pieces of messages as the programs
write them; tests/unit/test_failures.py has messages, with where each comes from.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.execute.events import BuildStep, EventReader

_TRANSPORT = (
    r"connection reset by peer|connection refused|connection timed out|broken pipe|network is unreachable",
    r"no route to host|i/o timeout|tls handshake timeout|unexpected eof|\beof$|client\.timeout exceeded",
    r"context deadline exceeded|request canceled while waiting for connection|server sent goaway|http2: client",
    r"temporary failure in name resolution|server misbehaving|lookup .*: no such host|stream error: stream id",
)
_REGISTRY = (
    r"\b(?:500 internal server error|502 bad gateway|503 service unavailable|504 gateway time-?out)",
    r"unexpected (?:http )?status.*: (?:429|5\d\d)\b|toomanyrequests|429 too many requests",
    r"blob_?\s?upload_?\s?(?:unknown|invalid)|request must be retried",
)
_ENGINE = (
    r"error reading from server|transport is closing|code = unavailable|cannot connect to the docker daemon",
    r"is the docker daemon running|no active session for|no such job|failed to receive status",
    r"error while dialing|use of closed network connection|read/write on closed pipe",
    r"command \[docker system dial-stdio\] has exited",
)
_NEVER = (
    r"no space left on device|unauthorized|denied|forbidden|authentication required|x509: |exec format error",
    r"did not complete successfully: exit code: \d+$|not found$|no match for platform|invalid reference format",
)
_FETCHING = (
    # apt, https://salsa.debian.org/apt-team/apt (methods/connect.cc, methods/http.cc)
    r"temporary failure resolving|could not resolve '|could not connect to .* \(|unable to connect to .*:",
    r"connection timed out \[ip:|connection failed \[ip:|hash sum mismatch|mirror sync in progress",
    r"failed to fetch .*\s(?:429|50[0234])\s",
    # curl(1), exit codes 6, 7, 18, 28, 35, 52, 56 and, with --fail, 22
    r"curl: \((?:6|7|18|28|35|52|56|92)\)|curl: \(22\) .*error: (?:429|50[0234])",
    # wget
    r"unable to resolve host address|read error \(connection|error (?:429|50[0234]):",
    # pip and uv (urllib3, reqwest)
    r"readtimeouterror|connecttimeouterror|newconnectionerror|nameresolutionerror|incompleteread\(",
    r"protocolerror\(|http error (?:429|50[0234])|(?:429|50[0234]) (?:client|server) error|error sending request",
    # git
    r"could not resolve host|the requested url returned error: (?:429|50[0234])|early eof|rpc failed;",
    r"could not read from remote repository.*timed out|the remote end hung up unexpectedly",
    # npm, cargo, go
    r"\b(?:econnreset|etimedout|eai_again)\b|spurious network error|dial tcp .*: i/o timeout",
)
_COMPILING = (
    r"(?:fatal )?error: .*\.(?:h|hpp|c|cc|cpp|cu|cuh)\b|:\d+:\d+: (?:fatal )?error:|^error\[e\d+\]|^failed: ",
    r"undefined reference to|collect2: error|ninja: build stopped|assertionerror|syntaxerror|cmake error",
)


def _any(*tables: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(line for table in tables for line in table), re.IGNORECASE | re.MULTILINE)


_TRANSIENT = _any(_TRANSPORT, _REGISTRY, _ENGINE)
_LASTING = _any(_NEVER)
_FETCH = _any(_FETCHING)
_COMPILE = _any(_COMPILING)

_HINTS = (
    (
        ("denied", "unauthorized", "authorization failed", "authentication required"),
        "log in to the registry: docker login",
    ),
    (
        ("connection refused", "no such host"),
        "check that the registry runs, and that --registry names the right one",
    ),
    (
        ("certificate verif", "certificate_verify", "local issuer certificate", "self-signed certificate in"),
        "if a proxy has a CA of its own, name its certificates in edgebake.yaml: ca_bundle",
    ),
    (("exec format error",), "the platform is not emulated: install QEMU's binfmt handlers"),
    (
        ('exec: "/bin/bash"', "/bin/bash: no such file or directory"),
        "all stages run bash, which the base image does not have: use a base that has it",
    ),
    (
        ("no space left on device",),
        "make room for the engine: docker buildx prune, docker image prune; then bake again",
    ),
    (
        ("cannot connect to the docker daemon", "error reading from server"),
        "check that the engine runs, and bake again: what is finished is not built again",
    ),
)


@dataclass(frozen=True)
class Failure:
    """Why a bake failed."""

    message: str  # what failed, on one line
    reason: str  # its last lines, or what Buildx said
    step: BuildStep | None = None  # the step that is to blame; None if it was none of a recipe's
    bake_targets: frozenset[str] = frozenset()  # the bake targets that BuildKit names; none if it may be any
    transient: bool = False  # whether it may go well when it is tried again

    @property
    def stage(self) -> str:
        """The stage that failed; empty if none did."""
        return self.step.stage if self.step else ""

    @property
    def short(self) -> str:
        """The reason on one line."""
        lines = [line for line in self.reason.splitlines() if line.strip()]
        return f"{self.stage} failed" if self.stage else (lines or [self.message])[-1]

    def error(self) -> EdgebakeError:
        """Return it as an error for the user."""
        reason = self.reason.lower()
        hints = [hint for words, hint in _HINTS if any(word in reason for word in words)]
        return EdgebakeError(self.message, reason=self.reason, hints=hints)


def failures_of(events: EventReader) -> list[Failure]:
    """Return why an invocation failed: a failure for each step that failed by itself; none if no step did."""
    return [_failed(step) for step in events.failed()]


def unexplained(events: EventReader, bake_targets: Collection[str]) -> Failure:
    """Return the failure of an invocation of which no step failed, in Buildx's words."""
    errors = [line for line in events.other if "error" in line.lower()]
    reason = (errors or [*events.other] or ["Buildx gave no reason"])[-1].removeprefix("ERROR: ")
    return _unblamed(reason, bake_targets if len(bake_targets) == 1 else ())


def _failed(step: BuildStep) -> Failure:
    if step.internal:
        return _unblamed(step.error, step.bake_targets)
    message = f"the step failed: {' '.join(step.name.split())}"
    transient = is_transient_step(step.log, step.error)
    return Failure(message, f"{_log(step)}\n\n{step.error}", step, frozenset(step.bake_targets), transient)


def _unblamed(reason: str, bake_targets: Collection[str]) -> Failure:
    """Return a failure that no recipe is to blame for."""
    message = f"the bake of {', '.join(sorted(bake_targets))} failed" if bake_targets else "the bake failed"
    return Failure(message, reason, None, frozenset(bake_targets), is_transient(reason))


def overdue(step: BuildStep, limit: str) -> Failure:
    """Return the failure of a step that was stopped, as it took longer than `limit`."""
    message = f"the step took longer than {limit}: {' '.join(step.name.split())}"
    reason = f"{_log(step)}\n\nit was stopped: --step-timeout {limit}"
    return Failure(message, reason, step, frozenset(step.bake_targets))


def _log(step: BuildStep) -> str:
    return "\n".join(step.log) or "(it wrote nothing)"


def is_transient(text: str) -> bool:
    """Return whether what Buildx, BuildKit or a registry said is a transient failure."""
    return bool(_TRANSIENT.search(text)) and not _LASTING.search(text)


def is_transient_step(log: list[str], error: str) -> bool:
    """Return whether a step of a recipe failed as something could not be fetched just now, by its last lines."""
    if "did not complete successfully" not in error:
        return is_transient(error)
    tail = "\n".join(log)
    return bool(_FETCH.search(tail)) and not _COMPILE.search(tail)
