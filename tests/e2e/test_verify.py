"""The proof of the catalogue records what a recipe did, and nothing where the machine or a server is to blame."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from conftest import Project, run
from edgebake.errors import EdgebakeError
from edgebake.load.workspace import open_workspace
from edgebake.plan.settings import Settings
from edgebake.testing.cases import Case
from edgebake.testing.runner import run_cases
from edgebake.testing.subjects import Subject, subjects
from edgebake.testing.verified import Verification, read_verified
from edgebake.testing.verify import Bench, UnreachableError, verify

BASE = "debian:bookworm-slim"


class Run:
    """Verifies one small recipe, on a base image that a mirror has."""

    def __init__(self, folder: Path) -> None:
        self.record = folder / "record"
        self.work = folder / "work"
        for made in (self.record, self.work):
            made.mkdir()
        self.told: list[Verification] = []
        self.unreached: list[str] = []

    def verify(self, debian: str, platform: str = "linux/arm64", *, locked: bool = False) -> None:
        workspace = open_workspace(self.work, need_project=False)
        found = subjects(workspace, "cpu", ["ninja"], [platform])
        settings = Settings(mirrors={"debian": debian})
        verify(Bench(self.work, settings, locked), self.record, found, self.told.append, self._unreached)

    def _unreached(self, subject: Subject, error: UnreachableError) -> None:
        self.unreached.append(f"{subject.recipe}: {error}")

    @property
    def recorded(self) -> dict[object, Verification]:
        return {**read_verified(self.record)}


@pytest.fixture
def attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)  # verifying changes it
    return Run(tmp_path)


@pytest.fixture
def foreign_image(project: Project) -> str:
    """An image that says it is for linux/arm64, and whose programs are for another architecture."""
    s390x = 22
    ident = b"\x7fELF" + bytes([2, 2, 1, 0]) + bytes(8)
    header = ident + struct.pack(">HHIQQQIHHHHHH", 2, s390x, 1, 4096, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    header += struct.pack(">IIQQQQQQ", 1, 5, 0, 0, 0, 120, 120, 4096)
    program = project.root / "program"
    program.write_bytes(header)
    program.chmod(0o755)
    project.write({"Dockerfile": "FROM scratch\nENV PATH=/bin\n" + _copies("sh", "bash", "timeout", "apt-get")})
    reference = f"{project.registry}/{BASE}"
    command = ("docker", "buildx", "build", "--platform", "linux/arm64", "--push", "-t", reference, ".")
    run(*command, cwd=project.root)
    return reference


def _copies(*names: str) -> str:
    return "".join(f"COPY program /bin/{name}\n" for name in names)


def test_a_platform_that_cannot_run_is_not_the_recipes_failure(attempt: Run, foreign_image: str) -> None:
    with pytest.raises(EdgebakeError, match="the engine cannot run commands for linux/arm64") as told:
        attempt.verify(foreign_image.partition(":bookworm")[0])
    assert "seen at ninja (linux/arm64)" in (told.value.reason or "")
    assert told.value.hints[0].startswith("install QEMU 10 or later")
    assert (attempt.told, attempt.recorded) == ([], {})


def test_a_test_that_cannot_begin_is_not_the_images_failure(tmp_path: Path, foreign_image: str) -> None:
    (tmp_path / "test.sh").write_text("true\n")
    run("docker", "pull", "--platform", "linux/arm64", foreign_image)
    case = Case("app", "app", tmp_path, "test.sh", (), 10, gpu=False)
    try:
        with pytest.raises(EdgebakeError, match="the engine cannot run commands for linux/arm64"):
            list(run_cases(foreign_image, "linux/arm64", [case]))
    finally:
        run("docker", "image", "rm", "--force", foreign_image)


@pytest.mark.parametrize("debian", ["localhost:5999/debian", "nowhere.invalid/debian"])
def test_a_server_that_does_not_answer_is_not_the_recipes_failure(attempt: Run, debian: str) -> None:
    attempt.verify(debian)
    assert (attempt.told, attempt.recorded) == ([], {})
    (message,) = attempt.unreached
    assert "a server that ninja is built from does not answer" in message
    assert "hint: see that this machine reaches it" in message


def test_without_an_engine_nothing_is_recorded(attempt: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with pytest.raises(EdgebakeError, match="the Docker Engine cannot be reached"):
        attempt.verify("localhost:5000/debian")
    assert (attempt.told, attempt.unreached, attempt.recorded) == ([], [], {})


def test_a_recipe_that_fails_is_recorded(attempt: Run, project: Project) -> None:
    # Busybox has no bash.
    run("crane", "copy", "localhost:5000/busybox:stable", f"{project.registry}/{BASE}")
    attempt.verify(f"{project.registry}/debian")
    (one,) = attempt.told
    assert (one.result, one.ok) == ("failed", False)
    assert "no such file or directory" in one.reason
    assert attempt.recorded == {one.key: one}


def test_a_recipe_that_passes_is_recorded(attempt: Run) -> None:
    attempt.verify("localhost:5000/debian", "linux/amd64", locked=True)
    (one,) = attempt.told
    assert (one.result, one.fails_without, one.locked) == ("passed", True, True), one.reason
    assert attempt.recorded == {one.key: one}
    attempt.verify("localhost:5000/debian", "linux/amd64", locked=True)  # it is as it was: nothing to do
    assert attempt.told == [one]
