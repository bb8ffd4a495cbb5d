"""Runs one test in a container of a built image."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress

from edgebake.errors import EdgebakeError
from edgebake.execute.preflight import not_emulated
from edgebake.interrupt import raise_interrupt
from edgebake.model.output.build import TestOutcome, TestResult
from edgebake.system.docker import NEVER_RAN
from edgebake.testing.cases import Case
from edgebake.testing.causes import cannot_execute

GRACE = 10  # seconds between the signal that asks and the one that kills
TIMED_OUT = (124, 137)  # of timeout(1): it ended when asked, or was killed
_FOLDER = "/run/eb/test"


def run_cases(image: str, platform: str, cases: Iterable[Case], *, gpus: str | None = None) -> Iterator[TestResult]:
    """Run tests one after the other, each in a container of its own, without a network.

    `image` is a reference. `gpus` is what `docker run --gpus` takes; without it, tests that need a GPU are skipped.

    Raises:
        EdgebakeError: Docker cannot run the image at all.
    """
    for case in cases:
        if case.gpu and gpus is None:
            yield _result(case, "skipped", 0.0, "it needs a GPU: --gpus all")
        else:
            yield _run(image, platform, case, gpus)


def _run(image: str, platform: str, case: Case, gpus: str | None) -> TestResult:
    from python_on_whales import DockerClient
    from python_on_whales.exceptions import DockerException

    raise_interrupt()
    docker, name = DockerClient(), f"edgebake-test-{uuid.uuid4().hex[:12]}"
    script = f"{_FOLDER}/{case.mounts[0][1]}"
    # timeout(1) is the program that starts, so that a test may replace nothing of the image's own start.
    arguments = [f"--kill-after={GRACE}", str(case.timeout), *case.runner, script]
    begin, said = time.monotonic(), bytearray()
    try:
        stream = docker.run(
            image,
            arguments,
            name=name,
            remove=True,
            stream=True,
            platform=platform,
            entrypoint="timeout",
            networks=["none"],
            gpus=gpus,
            envs={"PYTHONDONTWRITEBYTECODE": "1"},
            volumes=[(str(path), f"{_FOLDER}/{place}", "ro") for path, place in case.mounts],
            pull="never",
        )
        for _, part in stream:
            said += part
    except DockerException as error:
        seconds, code, output = time.monotonic() - begin, error.return_code, _text(said)
        refuse_never_began(platform, code, output)
        if code in TIMED_OUT and seconds >= case.timeout:
            output = f"{output}\nit was still running after {case.timeout} s".strip()
            return _result(case, "timed out", seconds, output)
        return _result(case, "failed", seconds, output or f"it ended with exit code {code}")
    except BaseException:
        with suppress(DockerException):  # Ctrl-C: the container must not outlive the command
            docker.container.remove(name, force=True)
        raise
    return _result(case, "passed", time.monotonic() - begin, _text(said))


def _text(said: bytearray) -> str:
    return said.decode("utf-8", errors="replace").strip()


def refuse_never_began(platform: str, code: int, output: str) -> None:
    """Refuse what says nothing about an image: a test or bench that never began.

    Raises:
        EdgebakeError: Docker failed, or the engine does not emulate the platform.
    """
    if code == NEVER_RAN:
        raise EdgebakeError("Docker cannot run the image", reason=output)
    if cannot_execute(output):
        raise not_emulated("engine", [platform], output)


def _result(case: Case, outcome: TestOutcome, seconds: float, output: str) -> TestResult:
    recipe, title, seconds = case.recipe, case.title, round(seconds, 3)
    return TestResult(recipe=recipe, title=title, outcome=outcome, seconds=seconds, output=output)
