"""Runs one bench once, in a container of a built image."""

from __future__ import annotations

import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from edgebake.bench.protocol import ProtocolError, Said, parse
from edgebake.host.monitor import Monitor
from edgebake.host.start import remove
from edgebake.interrupt import raise_interrupt
from edgebake.system.docker import DockerTimeoutError, docker
from edgebake.testing.cases import Case
from edgebake.testing.runner import GRACE, TIMED_OUT, refuse_never_began

_INSIDE = Path(__file__).parent / "inside"
_FOLDER = "/run/eb/bench"
_SLOW_START = 120  # seconds that an engine may take beside the bench's own time


@dataclass(frozen=True)
class Subject:
    """An image that benches run in.

    `flags` are words of `docker run` that the machine needs.
    """

    reference: str
    platform: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of one run: what it said, or why it failed."""

    seconds: float
    said: Said | None = None
    failure: str = ""
    timed_out: bool = False
    sampled: int | None = None
    """The peak of memory in bytes that `docker stats` saw, if it was asked."""


def run_bench(subject: Subject, case: Case, seconds: float, *, sample: bool = False) -> Outcome:
    """Run a bench in a container of its own, without a network, with `seconds` for each measurement.

    `sample`: sample the container's memory from outside.

    Raises:
        EdgebakeError: Docker cannot run the image at all.
    """
    raise_interrupt()
    name = f"edgebake-bench-{uuid.uuid4().hex[:12]}"
    begin = time.monotonic()
    monitor = Monitor(name, lambda: None) if sample else None
    done: subprocess.CompletedProcess[str] | None = None
    try:
        done = docker(*_command(subject, case, name, seconds), timeout=case.timeout + GRACE + _SLOW_START)
    except DockerTimeoutError:
        remove(name)
    except BaseException:  # Ctrl-C: the container must not outlive the command
        remove(name)
        raise
    finally:
        usage = monitor.stop() if monitor else None
    taken = time.monotonic() - begin
    if done is None or (done.returncode in TIMED_OUT and taken >= case.timeout):
        return Outcome(taken, failure=f"it was still running after {case.timeout} s", timed_out=True)
    refuse_never_began(subject.platform, done.returncode, done.stderr.strip())
    return _outcome(done, taken, max(usage.memory, default=None) if usage else None)


def _command(subject: Subject, case: Case, name: str, seconds: float) -> list[str]:
    mounts = [*case.mounts, *((path, path.name) for path in sorted(_INSIDE.iterdir()) if path.is_file())]
    volumes = [word for path, place in mounts for word in ("--volume", f"{path}:{_FOLDER}/{place}:ro")]
    settings = ("PYTHONDONTWRITEBYTECODE=1", f"EDGEBAKE_BENCH_SECONDS={seconds:g}")
    script = f"{_FOLDER}/{case.mounts[0][1]}"
    head = ["run", "--rm", "--name", name, "--network", "none", "--pull", "never"]
    head += ["--platform", subject.platform, *subject.flags, *volumes]
    head += [word for setting in settings for word in ("--env", setting)]
    # timeout(1) is the program that starts, so that a bench may replace nothing of the image's own start.
    started = [f"--kill-after={GRACE}", str(case.timeout), "sh", f"{_FOLDER}/account.sh", *case.runner, script]
    return [*head, "--entrypoint", "timeout", subject.reference, *started]


def _outcome(done: subprocess.CompletedProcess[str], taken: float, peak: int | None) -> Outcome:
    try:
        said = parse(done.stdout)
    except ProtocolError as error:
        return Outcome(taken, failure=str(error))
    words = f"{said.words}\n{done.stderr}".strip()
    if done.returncode != 0:
        return Outcome(taken, failure=words or f"it ended with exit code {done.returncode}")
    if not said.measurements:
        return Outcome(taken, failure=f"it measured nothing\n{words}".strip())
    return Outcome(taken, said, sampled=peak)
