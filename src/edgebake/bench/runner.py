"""Runs a bench in containers of a built image, once in each, and gathers its runs."""

from __future__ import annotations

import subprocess
import time
import uuid
from dataclasses import field
from functools import partial
from pathlib import Path

from edgebake.bench.protocol import ProtocolError, Said, parse
from edgebake.dataclasses import dataclass
from edgebake.host.monitor import Monitor
from edgebake.host.start import remove
from edgebake.interrupt import raise_interrupt
from edgebake.model.bench import Measurement, RecipeBench, Run
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


@dataclass
class Collected:
    """A bench's runs so far. `skipped`: why it is not run."""

    case: Case
    skipped: str = ""
    runs: list[Outcome] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether further runs have a sense: not of one that fails."""
        return not (self.skipped or self._failed)

    @property
    def wants_samples(self) -> bool:
        """Whether memory is to be sampled, as a run has shown that the control group does not report its peak.

        Linux reports it from 5.19 on in version 2 (memory.peak), and always in version 1.
        """
        return any(one.said and one.said.peak_memory is None for one in self.runs)

    def add(self, outcome: Outcome) -> None:
        """Take a run."""
        if outcome.said is not None and self.runs and self.runs[0].said is not None:
            first, now = ([m[:2] for m in said.measurements] for said in (self.runs[0].said, outcome.said))
            if first != now:
                names = ", ".join(name for name, _ in now)
                outcome = Outcome(outcome.seconds, failure=f"this run measured other things: {names}")
        self.runs.append(outcome)

    @property
    def _failed(self) -> Outcome | None:
        return next((one for one in self.runs if one.said is None), None)

    def result(self) -> RecipeBench:
        """Return the result."""
        case, failed = self.case, self._failed
        result = partial(RecipeBench, recipe=case.recipe, title=case.title)
        if self.skipped:
            return result(outcome="skipped", output=self.skipped)
        if failed is not None:
            return result(outcome="timed out" if failed.timed_out else "failed", output=failed.failure)
        said = [one.said for one in self.runs if one.said is not None]
        sampled = self.wants_samples
        return result(
            outcome="measured",
            seconds=tuple(one.seconds for one in self.runs),
            cpu_seconds=tuple(one.cpu_seconds for one in said),
            peak_memory=tuple(o.sampled for o in self.runs) if sampled else tuple(o.peak_memory for o in said),
            memory_from="docker stats" if sampled else "control group",
            measurements=self._measurements(),
        )

    def _measurements(self) -> tuple[Measurement, ...]:
        runs: dict[tuple[str, str], list[Run]] = {}
        for outcome in self.runs:
            for name, unit, run in outcome.said.measurements if outcome.said else ():
                runs.setdefault((name, unit), []).append(run)
        return tuple(Measurement(name=name, unit=unit, runs=tuple(found)) for (name, unit), found in runs.items())
